// mistake: the policy counts
if lived >= RECOVERED {
    *self = Self::default();
}
if !policy.brings_back(state, self.tries) {
    return Decision::End;
}
self.pause = Some(self.pause.map_or(FIRST, |pause| (pause * 2).min(LONGEST)));
Decision::Restart
