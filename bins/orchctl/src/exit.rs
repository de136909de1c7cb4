//! Exit codes, documented in docs/ref/exit-codes.md, and the one place where a failure is printed.

use std::process::ExitCode;

use orchd_http::client::ClientError;

/// Why the program does not end with 0.
#[derive(Debug)]
pub(crate) enum Exit {
    /// Something failed.
    Failed { code: i32, message: String },
    /// Everything was said already.
    Code(i32),
}

/// It failed.
pub(crate) const FAILED: i32 = 1;
/// Nobody serves the data directory and it can not be opened.
pub(crate) const UNREACHABLE: i32 = 3;
/// The server judged and refused.
pub(crate) const REFUSED: i32 = 4;
/// No such task, project or repository.
pub(crate) const NOT_FOUND: i32 = 5;
/// What was asked for waits for a person.
pub(crate) const WAITS: i32 = 6;

impl Exit {
    pub(crate) fn failed(message: String) -> Self {
        Self::Failed { code: FAILED, message }
    }

    pub(crate) fn unreachable(message: String) -> Self {
        Self::Failed { code: UNREACHABLE, message }
    }

    pub(crate) fn report(self) -> ExitCode {
        let code = match self {
            Self::Code(code) => code,
            Self::Failed { code, message } => {
                eprintln!("orchctl: {message}");
                code
            }
        };
        ExitCode::from(u8::try_from(code).unwrap_or(1))
    }
}

impl From<ClientError> for Exit {
    fn from(error: ClientError) -> Self {
        let message = error.to_string();
        let code = match error {
            ClientError::NotRunning { .. } | ClientError::Broken { .. } => UNREACHABLE,
            ClientError::Refused(body) if body.code.ends_with("not-found") => NOT_FOUND,
            ClientError::Refused(_) => REFUSED,
            ClientError::BadAnswer(_) => FAILED,
        };
        Self::Failed { code, message }
    }
}
