//! Where panels are: from left to right, row below row, in Grafana's grid of 24 columns.

use super::model::{Panel, Place};

/// Columns of the grid.
const WIDTH: u32 = 24;

/// A title and what is below it.
pub(super) struct Row {
    pub title: String,
    pub panels: Vec<Panel>,
}

/// Gives every panel its place and its number, in the order in which they come. Of a panel's place
/// only its width and height have to be there.
pub(super) fn place(rows: Vec<Row>) -> Vec<Panel> {
    let mut cursor = Cursor::default();
    let mut placed = Vec::new();
    for row in rows {
        for mut panel in std::iter::once(head(row.title)).chain(row.panels) {
            cursor.place(&mut panel);
            placed.push(panel);
        }
        cursor.wrap();
    }
    placed
}

fn head(title: String) -> Panel {
    Panel {
        id: 0,
        kind: "row",
        title,
        description: String::new(),
        grid_pos: size(WIDTH, 1),
        datasource: None,
        collapsed: Some(false),
        field_config: None,
        options: None,
        targets: Vec::new(),
        panels: Some([]),
    }
}

/// A place that is not known yet.
pub(super) fn size(w: u32, h: u32) -> Place {
    Place { x: 0, y: 0, w, h }
}

#[derive(Default)]
struct Cursor {
    x: u32,
    y: u32,
    /// Of the panels beside each other.
    height: u32,
    last_id: u32,
}

impl Cursor {
    fn place(&mut self, panel: &mut Panel) {
        let Place { w, h, .. } = panel.grid_pos;
        if self.x + w > WIDTH {
            self.wrap();
        }
        self.last_id += 1;
        panel.id = self.last_id;
        panel.grid_pos = Place {
            x: self.x,
            y: self.y,
            w,
            h,
        };
        self.x += w;
        self.height = self.height.max(h);
    }

    fn wrap(&mut self) {
        self.x = 0;
        self.y += self.height;
        self.height = 0;
    }
}
