mod compaction;
mod model;
mod planning;
mod pruning;
mod retention;
mod rollups;
