// mistake: the time of silence runs from the beginning
let began = Instant::now();
while program.status.is_none() || !program.outputs.is_empty() {
    let left = SILENCE.saturating_sub(began.elapsed());
    if program.status.is_some() && left.is_zero() {
        break;
    }
    self.look_after(program, left);
}
