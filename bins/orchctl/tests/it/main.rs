//! Tests of the program and of what it ships with, one module per concern.

mod bad_repos;
mod config;
mod demo;
mod doctor;
mod init;
mod prompts;
mod run;
mod shipped;
