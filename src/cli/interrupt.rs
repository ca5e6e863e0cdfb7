//! Ctrl-C and SIGTERM: the first finishes what is in flight, the second ends at once.

use tokio::sync::watch;

use super::failure::{Exit, Failure};

/// The exit code of a run that a second signal ended.
const ENDED_BY_SIGNAL: i32 = 130;

/// A receiver that turns true on the first Ctrl-C or SIGTERM. The second ends the process.
pub fn listen() -> watch::Receiver<bool> {
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        signal().await;
        // The run may have ended by itself; then nobody listens any more.
        sender.send(true).ok();
        signal().await;
        std::process::exit(ENDED_BY_SIGNAL);
    });
    receiver
}

/// What `work` comes to, unless the run is stopped before it has carried out anything of a plan.
///
/// # Errors
/// As [`or_stopped_before`].
pub async fn or_stopped<T>(
    stop: &watch::Receiver<bool>,
    work: impl Future<Output = T>,
) -> Result<T, Failure> {
    or_stopped_before("anything of the plan was carried out", stop, work).await
}

/// What `work` comes to, unless the run is stopped; then it says before what.
///
/// # Errors
/// Incomplete when it was stopped. What the work had done by then stays: it may have seen to what
/// an earlier run left undone, which is journalled and in the audit log as always.
pub async fn or_stopped_before<T>(
    what: &str,
    stop: &watch::Receiver<bool>,
    work: impl Future<Output = T>,
) -> Result<T, Failure> {
    let mut stop = stop.clone();
    let stopped = async {
        // With the sender gone nobody can stop it any more.
        if stop.wait_for(|stopped| *stopped).await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        done = work => Ok(done),
        () = stopped => Err(Failure::new(
            Exit::Incomplete,
            format!("stopped before {what}"),
        )),
    }
}

/// Waits for the next signal that asks for an end.
pub async fn signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            },
            Err(_) => wait_for_ctrl_c().await,
        }
    }
    #[cfg(not(unix))]
    wait_for_ctrl_c().await;
}

async fn wait_for_ctrl_c() {
    if tokio::signal::ctrl_c().await.is_err() {
        // No handler could be set: the default one ends the process, so there is nothing to wait for.
        std::future::pending::<()>().await;
    }
}
