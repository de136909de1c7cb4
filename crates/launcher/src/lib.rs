//! processes: shim, deadlines, run directories, dialects and profiles of agent programs.
