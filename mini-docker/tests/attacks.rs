//! Every attack of the book's table, tried against every chapter's container and against the finished tool. The table is what
//! came of it: `cargo wb dev generate` copies the snapshot into the book.

mod common;
#[path = "attacks/host.rs"]
mod host;
#[path = "attacks/rows.rs"]
mod rows;
#[path = "attacks/table.rs"]
mod table;

use std::collections::BTreeMap;

use common::Docker;
use host::{COLUMNS, Column, LIMITED, Scene};
use rows::{ROWS, has_v2_alone};
use table::Table;
use testkit::kernel_test;

/// What every attack came to in one container.
type Cells = BTreeMap<String, bool>;

kernel_test! {
    /// And not before: an attack that wins nowhere proves nothing.
    fn every_attack_ends_with_its_chapter(host) {
        let docker = Docker::new(host);
        let scene = Scene::set(host, &docker);
        let names: Vec<&str> = ROWS.iter().map(|row| row.name).collect();
        let mut table = Table::default();
        for column in COLUMNS {
            let cells = scene.try_all(column);
            let mut tried: Vec<&str> = cells.keys().map(String::as_str).collect();
            tried.sort_by_key(|name| names.iter().position(|known| known == name));
            assert_eq!(tried, names, "{column:?}: what was tried, and what the table knows");
            table.add(column, cells);
        }
        assert_eq!(table.surprises(), Vec::<String>::new());
        let limited = scene.try_all(LIMITED);
        let won: Vec<&String> = limited.iter().filter(|(_, won)| **won).map(|(name, _)| name).collect();
        assert_eq!(won, Vec::<&String>::new(), "with limits nothing is won");
        assert_eq!(docker.left_behind(), Vec::<String>::new());
        // A cell or two differ where all control groups are in one tree.
        let suffix = if has_v2_alone() { "v2" } else { "" };
        insta::with_settings!({ snapshot_suffix => suffix }, { insta::assert_snapshot!(table.to_string()) });
    }
}

#[test]
fn every_chapter_with_a_stage_has_a_column() {
    let chapters = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../chapters");
    let entries = std::fs::read_dir(chapters).expect("the chapters").flatten();
    let mut stages: Vec<String> = entries
        .filter(|entry| entry.path().join("examples/stage.rs").is_file())
        .map(|entry| entry.file_name().to_string_lossy()[..4].to_owned())
        .collect();
    stages.sort();
    let columns: Vec<&str> = COLUMNS
        .iter()
        .filter_map(|column| if let Column::Stage(chapter) = column { Some(*chapter) } else { None })
        .collect();
    assert_eq!(stages, columns);
}
