// mistake: markers are files like any other
Ok(Meaning::File)
