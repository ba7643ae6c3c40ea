//! The `daybook` command.

mod cli;

/// Small blocks by the thousand come and go with each answer, on threads that come and go too: the
/// system's allocator spends a fifth of some answers on that, and keeps a heap for each thread.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    cli::run()
}
