mod compaction;
mod planning;
mod rollups;
