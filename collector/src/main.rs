//! `leadsman`: takes soundings of etcd, containerd and any Go service.

fn main() -> std::process::ExitCode {
    collector::cli::main()
}
