// mistake: the end of the output always comes
while program.status.is_none() || !program.outputs.is_empty() {
    self.look_after(program, SILENCE);
}
