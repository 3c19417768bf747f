//! One module for each command, and the list of all.

mod archive;
mod completion;
mod container;
pub(crate) mod entry;
mod events;
mod image;
mod info;
mod inspect;
mod man;
mod prune;
pub(crate) mod reaper;
mod registry;
mod run;
mod system;
mod version;

use entry::{Entry, Group};

/// Commands at the top.
pub(crate) const TOP: &[&[Entry]] = &[
    &[run::ENTRY],
    container::BOTH,
    container::TOP,
    image::BOTH,
    registry::OF_IMAGES,
    &[
        image::ls::IMAGES,
        image::rm::RMI,
        inspect::ENTRY,
        registry::login::ENTRY,
        registry::logout::ENTRY,
        registry::search::ENTRY,
        events::ENTRY,
        info::ENTRY,
        version::ENTRY,
        completion::ENTRY,
        man::ENTRY,
    ],
];

/// Commands with commands below them.
pub(crate) const GROUPS: &[Group] = &[
    Group {
        path: "container",
        about: "Manage containers",
        entries: &[&[run::ENTRY], container::BOTH, container::OWN],
        groups: &[],
    },
    Group {
        path: "system",
        about: "Manage mini-docker",
        entries: &[&[events::ENTRY, info::ENTRY], system::ALL],
        groups: &[],
    },
    Group {
        path: "image",
        about: "Manage images",
        entries: &[image::BOTH, image::OWN, registry::OF_IMAGES],
        groups: &[image::bootstrap::GROUP],
    },
    registry::manifest::GROUP,
];
