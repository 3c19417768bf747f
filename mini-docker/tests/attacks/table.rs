//! The table of attacks, as the book shows it, and whether it is as the text beside it says.

use std::fmt;

use crate::Cells;
use crate::host::Column;
use crate::rows::{ROWS, Row};

#[derive(Debug, Default)]
pub(crate) struct Table(Vec<(Column, Cells)>);

impl Table {
    pub(crate) fn add(&mut self, column: Column, cells: Cells) {
        self.0.push((column, cells));
    }

    fn position(&self, head: &str) -> usize {
        self.0.iter().position(|(column, _)| column.head() == head).unwrap_or_else(|| panic!("no column {head}"))
    }

    /// Cells that are not what their row says. Where a row has a note, that explains what would else be surprising.
    pub(crate) fn surprises(&self) -> Vec<String> {
        let mut surprises = Vec::new();
        for row in &ROWS {
            let (begins, ends) = (self.position(row.begins), self.position(row.ends_here()));
            let mut won = self.0.iter().map(|(_, cells)| cells.get(row.name) == Some(&true));
            let won: Vec<bool> = won.by_ref().collect();
            if !won[begins..].contains(&true) {
                surprises.push(format!("{} wins nowhere: it proves nothing", row.name));
            }
            for (place, (column, _)) in self.0.iter().enumerate().skip(begins) {
                let explained = row.note.is_some_and(|(heads, _)| heads.contains(&column.head()));
                if won[place] != (place < ends) && !explained {
                    let outcome = if won[place] { "wins" } else { "loses" };
                    surprises.push(format!("{} {outcome} in column {}", row.name, column.head()));
                }
            }
        }
        surprises
    }

    fn cell(&self, row: &Row, place: usize, notes: &[&str]) -> String {
        let (column, cells) = &self.0[place];
        let outcome = match cells.get(row.name) {
            _ if place < self.position(row.begins) => "–",
            Some(true) => "**won**",
            _ => "·",
        };
        let mark = row.note.filter(|(heads, _)| heads.contains(&column.head())).and_then(|(_, note)| {
            let number = notes.iter().position(|known| *known == note)? + 1;
            Some(format!("[^{number}]"))
        });
        format!("{outcome}{}", mark.unwrap_or_default())
    }
}

impl fmt::Display for Table {
    /// The table, its notes, and a line for each attack below the chapter that ends it.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut notes: Vec<&str> = Vec::new();
        for (_, note) in ROWS.iter().filter_map(|row| row.note) {
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
        writeln!(out, "<!-- ANCHOR: table -->")?;
        let heads: Vec<String> = self.0.iter().map(|(column, _)| column.title()).collect();
        writeln!(out, "| | {} |\n|---|{}", heads.join(" | "), ":-:|".repeat(heads.len()))?;
        for row in &ROWS {
            let cells: Vec<String> = (0..self.0.len()).map(|place| self.cell(row, place, &notes)).collect();
            writeln!(out, "| {} | {} |", row.title, cells.join(" | "))?;
        }
        for (number, note) in notes.iter().enumerate() {
            writeln!(out, "\n[^{}]: {note}", number + 1)?;
        }
        writeln!(out, "<!-- ANCHOR_END: table -->\n<!-- ANCHOR: list -->")?;
        let mut last = "";
        for row in &ROWS {
            if row.ends != last {
                let (column, _) = &self.0[self.position(row.ends)];
                writeln!(out, "\n**{} ends:**\n", column.link())?;
                last = row.ends;
            }
            writeln!(out, "- *{}*. {}", row.title, row.text)?;
        }
        writeln!(out, "<!-- ANCHOR_END: list -->")
    }
}
