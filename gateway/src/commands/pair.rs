//! `pair`: a code for the user's client, in the place of comparing one. Only this host's terminal may show it.

use async_trait::async_trait;

use super::{Answers, Asker, Command, Door, Failure, Output, Steps, Who};

pub(super) const COMMAND: Command = Command {
    node: "pair",
    title: "Pair a client",
    about: "how to verify a client by a code that it is given, with nothing to compare",
    who: Who::Registered,
    begin: || Box::new(Pair),
};

struct Pair;

#[async_trait]
impl Steps for Pair {
    async fn step(&mut self, asker: &Asker, _answers: Answers) -> Result<Output, Failure> {
        let gateway = &asker.keeper.domain;
        if asker.door != Door::Host {
            return Ok(Output::Done(format!(
                "Run \"drawbridge users pair {}\" on the host itself, and give the code that it shows to your client, for \
                 {gateway} (in esession-chat with /pair). It cannot be shown here: whoever could sit between us would see it.",
                asker.jid
            )));
        }
        asker.user().await?;
        let code = asker.keeper.pairings.make(&asker.jid);
        Ok(Output::Done(format!(
            "Type this into the client, for {gateway} (in esession-chat: /pair {}). It is good for one hour and one client; \
             the session that it makes vouches for all contacts.\n{}",
            *code, *code
        )))
    }
}
