// mistake: when the output is over, so is the program
let mut silent_since = Instant::now();
while !program.outputs.is_empty() {
    let left = SILENCE.saturating_sub(silent_since.elapsed());
    if program.status.is_some() && left.is_zero() {
        break;
    }
    if self.look_after(program, left) {
        silent_since = Instant::now();
    }
}
