mod compaction;
mod planning;
