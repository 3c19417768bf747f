// mistake: who removes an image by one name does not want the others
let _ = name;
self.untag_all(id);
self.delete(id, wish.force, !wish.keep_parents, true)
