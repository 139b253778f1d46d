//! What OMEMO costs somebody who logs in and has many contacts, each with a device of its own: what is made, sent and kept.
//! In this process, with the echo network in memory and nobody else's server.

mod server;

use std::{error::Error, path::Path, time::Instant};

use drawbridge_bridge::ContactId;
use drawbridge_echo::EchoWorld;

use self::server::Server;
use crate::resources;

/// All of them come, their keys are fetched, the client comes again, and they write.
pub(crate) fn measure(count: usize) -> Result<(), Box<dyn Error>> {
    let (dir, far) = (tempfile::tempdir()?, EchoWorld::default());
    let contacts: Vec<_> = (0..count).map(|number| ContactId::new(format!("contact{number}@echo"))).collect();
    contacts.iter().for_each(|contact| far.add_contact(contact));
    println!("OMEMO with {count} contacts, and two devices of the user's, one in each dialect");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut server = Server::start(dir.path(), &far)?;
        let before = resources::own()?;
        tell("before", &mut server, dir.path(), before.cpu, Instant::now())?;
        for what in
            ["logged in, and a client that shows devices", "the client again", "a bundle of each", "each writes"]
        {
            let (cpu, start) = (resources::own()?.cpu, Instant::now());
            match what {
                "a bundle of each" => server.fetch_bundles().await,
                "each writes" => {
                    let user = far.user(&ContactId::new("alice@echo"));
                    contacts.iter().for_each(|contact| drop(user.says(contact, "hello")));
                    server.settle().await;
                }
                "the client again" => server.come_again().await,
                _ => server.log_in().await,
            }
            tell(what, &mut server, dir.path(), cpu, start)?;
        }
        Ok(())
    })
}

/// The time is without the quiet at the end.
fn tell(
    what: &str,
    server: &mut Server,
    dir: &Path,
    cpu: std::time::Duration,
    start: Instant,
) -> Result<(), Box<dyn Error>> {
    let now = resources::own()?;
    let size = |name| std::fs::metadata(dir.join(name)).map_or(0, |file| file.len());
    let sent: Vec<_> = server.counts().into_iter().map(|(name, count)| format!("{count} {name}")).collect();
    println!(
        "  {what}: {}; {:.1} s, {:.1} s of CPU; {}; database {:.1} MiB",
        sent.join(", "),
        server.last().saturating_duration_since(start).as_secs_f64(),
        (now.cpu - cpu).as_secs_f64(),
        now.memory,
        (size("data/db") + size("data/db-wal")) as f64 / 1_048_576.0,
    );
    Ok(())
}
