//! `help`: what else there is.

use async_trait::async_trait;

use super::{Answers, Asker, Command, Door, Failure, Output, Steps, Who, offered};
use crate::accounts::AccountError;

pub(super) const COMMAND: Command =
    Command { node: "help", title: "Help", about: "show this list", who: Who::Allowed, begin: || Box::new(Help) };

struct Help;

#[async_trait]
impl Steps for Help {
    async fn step(&mut self, asker: &Asker, _: Answers) -> Result<Output, Failure> {
        let network = asker.keeper.network.descriptor();
        let commands = offered(&asker.keeper, &asker.jid).await.map_err(AccountError::Store)?;
        let mut text = format!("This is a gateway to {}. You can ask it for:", network.name);
        for command in commands {
            text.push_str(&format!("\n{}: {}", command.node, command.about));
        }
        if matches!(asker.door, Door::Chat { .. }) {
            text.push_str("\nWrite one of these words. While I ask you something, cancel gives up.");
        }
        text.push_str(&format!(
            "\nOnce you are logged in, add a contact by its {} id, such as {}.",
            network.name, network.contact_example
        ));
        Ok(Output::Done(text))
    }
}
