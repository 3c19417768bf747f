// mistake: a program that has ended has said everything
while program.status.is_none() {
    self.look_after(program, SILENCE);
}
