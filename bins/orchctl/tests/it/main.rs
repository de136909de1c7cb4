//! Tests of the program and of what it ships with, one module per concern.

mod bad_repos;
mod config;
mod demo;
mod doctor;
mod guides;
mod init;
mod prompts;
mod remote;
mod run;
mod shipped;
