//! Tables of text, and figures short enough to be read in them.

use std::ops::Range;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement, Table};

use crate::rounds::Row;

/// Prints a table in which the columns `figures` hold figures. An empty row parts groups.
pub fn print(header: &[&str], figures: Range<usize>, rows: Vec<Vec<String>>) {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(header);
    for row in rows {
        table.add_row(row);
    }
    for column in table
        .column_iter_mut()
        .take(figures.end)
        .skip(figures.start)
    {
        column.set_cell_alignment(CellAlignment::Right);
    }
    println!("{}", table.trim_fmt());
}

/// Three digits and a unit: `12.3M`.
pub fn count(figure: f64) -> String {
    match figure {
        figure if figure >= 1e6 => format!("{}M", digits(figure / 1e6)),
        figure if figure >= 1e4 => format!("{}k", digits(figure / 1e3)),
        figure => digits(figure),
    }
}

/// Three digits: `1.23`, `12.3`, `123`; a dash for what is not known.
pub fn digits(figure: f64) -> String {
    match figure.abs() {
        size if size.is_nan() => "–".to_owned(),
        size if size < 9.995 => format!("{figure:.2}"),
        size if size < 99.95 => format!("{figure:.1}"),
        _ => format!("{figure:.0}"),
    }
}

/// What a table says instead of figures.
pub fn fault<K>(row: &Row<K>) -> String {
    let fault = row.fault.as_ref().map(ToString::to_string);
    fault.unwrap_or_else(|| "not run".to_owned())
}
