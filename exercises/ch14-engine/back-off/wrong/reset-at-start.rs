// mistake: a program that has started has recovered
if lived > Duration::ZERO {
    *self = Self::default();
}
if !policy.brings_back(state, self.tries) {
    return Decision::End;
}
self.tries += 1;
self.pause = Some(self.pause.map_or(FIRST, |pause| (pause * 2).min(LONGEST)));
Decision::Restart
