fn main() -> std::process::ExitCode {
    pocketci::cli::run(std::env::args_os())
}
