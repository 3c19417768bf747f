// mistake: doubling is all there is to it
if lived >= RECOVERED {
    *self = Self::default();
}
if !policy.brings_back(state, self.tries) {
    return Decision::End;
}
self.tries += 1;
self.pause = Some(self.pause.map_or(FIRST, |pause| pause * 2));
Decision::Restart
