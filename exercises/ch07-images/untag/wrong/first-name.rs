// mistake: rmi removes images
self.untag(name);
self.delete(id, wish.force, !wish.keep_parents, true)
