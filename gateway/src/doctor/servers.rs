//! The servers on both shores.

use std::time::Duration;

use drawbridge_bridge::CancellationToken;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::Finding;
use crate::component::{self, Fault, Limits, LinkConfig, LinkState};
use crate::config::{Config, NetworkConfig};
use crate::networks;

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether this program can serve the network at all.
pub(super) fn network(settings: &NetworkConfig) -> Finding {
    match networks::build(settings) {
        Ok(network) => Finding::Well(format!("{} is served as {}", network.descriptor().name, settings.jid)),
        Err(error) => Finding::fault(format!("{}: {error}", settings.jid), "use a drawbridge built with it"),
    }
}

/// Connects to the XMPP server as the component, and leaves again. Not while the daemon is connected itself.
pub(super) async fn xmpp(config: &Config, settings: &NetworkConfig) -> Finding {
    let stop = CancellationToken::new();
    let _leave = stop.clone().drop_guard();
    let limits = Limits { max_depth: config.limits.max_depth, max_stanza: config.limits.max_stanza };
    let server = settings.server.to_string();
    let secret = settings.secret.clone();
    let link = component::open(LinkConfig { jid: settings.jid.clone(), server, secret, limits }, stop);
    let mut state = link.outgoing.watch();
    let decided = state.wait_for(|now| matches!(now, LinkState::Up | LinkState::Down(_)));
    let fault = match timeout(PATIENCE, decided).await.map(|now| now.map(|now| *now)) {
        Ok(Ok(LinkState::Up)) => {
            return Finding::Well(format!("the XMPP server at {} accepts {}", settings.server, settings.jid));
        }
        Ok(Ok(LinkState::Down(fault))) => fault,
        Ok(_) | Err(_) => Fault::Silent,
    };
    let what = format!("the XMPP server at {} does not accept {}: {fault}", settings.server, settings.jid);
    Finding::fault(what, remedy(fault, settings))
}

fn remedy(fault: Fault, settings: &NetworkConfig) -> String {
    match fault {
        Fault::Unreachable => format!(
            "start the XMPP server and let it listen for components there (Prosody: component_ports), or correct \
             server = \"{}\"",
            settings.server
        ),
        Fault::NotAuthorized => {
            "make the secret the same on both sides (Prosody: component_secret; ejabberd: password)".into()
        }
        Fault::HostUnknown => format!("add the component {} to the XMPP server's configuration", settings.jid),
        Fault::Conflict => {
            format!("something else is connected as {}: stop it, or wait until the server notices", settings.jid)
        }
        _ => "look into the XMPP server's log; is this its port for components, not the one for clients?".into(),
    }
}

/// Whether something answers where people will log in, if the operator has named it.
pub(super) async fn far(settings: &NetworkConfig) -> Option<Finding> {
    let named = networks::far_server(settings)?;
    let address = address_of(named);
    let reached = timeout(PATIENCE, async {
        for address in lookup_host(&address).await.ok()? {
            if TcpStream::connect(address).await.is_ok() {
                return Some(());
            }
        }
        None
    });
    Some(match reached.await {
        Ok(Some(())) => Finding::Well(format!("something answers at {address}, for the homeserver {named}")),
        Ok(None) | Err(_) => Finding::doubtful(
            format!("nothing answers at {address}, for the homeserver {named}"),
            "start it, or correct its name; a server found by its .well-known file may be at another address",
        ),
    })
}

/// Host and port of a server name or an address.
pub(super) fn address_of(named: &str) -> String {
    let (rest, port) = match (named.strip_prefix("http://"), named.strip_prefix("https://")) {
        (Some(rest), _) => (rest, 80),
        (_, Some(rest)) => (rest, 443),
        (None, None) => (named, 443),
    };
    let authority = rest.split('/').next().unwrap_or(rest);
    let has_port = authority
        .rsplit_once(':')
        .is_some_and(|(host, port)| port.parse::<u16>().is_ok() && (!host.contains(':') || host.ends_with(']')));
    if has_port { authority.to_owned() } else { format!("{authority}:{port}") }
}
