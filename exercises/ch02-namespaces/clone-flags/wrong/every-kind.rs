// mistake: the plan is not asked at all
Kind::ALL.into_iter().filter(|kind| *kind != Kind::Time).map(Kind::clone_flag).collect()
