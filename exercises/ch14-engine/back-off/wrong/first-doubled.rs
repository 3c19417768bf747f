// mistake: each pause is twice FIRST, or twice the last one
if lived >= RECOVERED {
    *self = Self::default();
}
if !policy.brings_back(state, self.tries) {
    return Decision::End;
}
self.tries += 1;
self.pause = Some((self.pause() * 2).min(LONGEST));
Decision::Restart
