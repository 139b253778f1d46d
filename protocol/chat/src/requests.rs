//! Requests to servers and gateways (iq stanzas), and what is made of the answers.

use std::collections::{BTreeMap, HashMap};

use esession::namespaces::{OFFLINE, PUBLIC_KEY};
use esession_attest::ATTESTATION;
use jid::{BareJid, Jid};
use minidom::Element;
use minidom::rxml::xml_ncname;

use crate::command::Values;
use crate::effects::Cx;
use crate::event::{Event, Form, Note, RosterItem};
use crate::forms::{self, DATA_FORMS, REGISTER};
use crate::published_keys;
use crate::stanza::{self, Failure, PUBSUB, child_text, text};

/// The roster (RFC 6121 section 2).
pub(crate) const ROSTER: &str = "jabber:iq:roster";
const COMMANDS: &str = "http://jabber.org/protocol/commands";
const GATEWAY: &str = "jabber:iq:gateway";

/// Answers that are awaited.
#[derive(Default)]
pub(crate) struct Requests {
    pending: HashMap<String, Pending>,
    /// The last form of each ad-hoc session, for its hidden fields and defaults.
    command_forms: HashMap<String, Form>,
}

/// What an answer is for.
enum Pending {
    RegistrationForm {
        to: Jid,
        fields: BTreeMap<String, Values>,
    },
    Registration,
    Unregistration,
    Command,
    GatewayPrompt,
    Roster,
    /// Asked for at login only because servers tell changes and subscriptions to clients that did (RFC 6121 section 2.1.6).
    Interest,
    /// What others can find of us; what it means to the user if they cannot.
    Publication(&'static str),
    /// The keys of this account.
    Keys(BareJid),
    Raw,
}

impl Requests {
    /// XEP-0077: asks for the form, which is filled in when it comes.
    pub(crate) fn register(&mut self, to: &Jid, fields: BTreeMap<String, Values>, cx: &mut Cx<'_>) {
        let pending = Pending::RegistrationForm { to: to.clone(), fields };
        self.ask("get", Some(to), Element::bare("query", REGISTER), pending, cx);
    }

    /// XEP-0077 section 3.2.
    pub(crate) fn unregister(&mut self, to: &Jid, cx: &mut Cx<'_>) {
        let remove = Element::builder("query", REGISTER).append(Element::bare("remove", REGISTER)).build();
        self.ask("set", Some(to), remove, Pending::Unregistration, cx);
    }

    /// XEP-0050: one step.
    pub(crate) fn command(
        &mut self,
        to: &Jid,
        node: &str,
        session: Option<String>,
        action: Option<String>,
        fields: &BTreeMap<String, Values>,
        cx: &mut Cx<'_>,
    ) {
        let form = session.as_ref().and_then(|session| self.command_forms.remove(session));
        let wanted = session.is_some() && !matches!(action.as_deref(), Some("cancel" | "prev"));
        let filled =
            (wanted && (form.is_some() || !fields.is_empty())).then(|| forms::fill(&form.unwrap_or_default(), fields));
        let command = Element::builder("command", COMMANDS)
            .attr(xml_ncname!("node").to_owned(), node)
            .attr(xml_ncname!("sessionid").to_owned(), session)
            .attr(xml_ncname!("action").to_owned(), action)
            .append_all(filled);
        self.ask("set", Some(to), command.build(), Pending::Command, cx);
    }

    /// jabber:iq:gateway (XEP-0100 section 5.5): the question, or the JID for the answer.
    pub(crate) fn gateway_prompt(&mut self, to: &Jid, answer: Option<&str>, cx: &mut Cx<'_>) {
        let query = Element::builder("query", GATEWAY).append_all(answer.map(|answer| text("prompt", GATEWAY, answer)));
        let kind = if answer.is_some() { "set" } else { "get" };
        self.ask(kind, Some(to), query.build(), Pending::GatewayPrompt, cx);
    }

    /// RFC 6121 section 2.1.3.
    pub(crate) fn roster(&mut self, cx: &mut Cx<'_>) {
        self.ask("get", None, Element::bare("query", ROSTER), Pending::Roster, cx);
    }

    /// Has the server tell us of changes to the roster.
    pub(crate) fn show_interest(&mut self, cx: &mut Cx<'_>) {
        self.ask("get", None, Element::bare("query", ROSTER), Pending::Interest, cx);
    }

    /// Publishes options, for those who may see when we are there (XEP-0187 section 3.2).
    pub(crate) fn publish_options(&mut self, options: &Element, cx: &mut Cx<'_>) {
        self.publish(
            OFFLINE,
            "presence",
            options,
            Pending::Publication("Nobody can write to you while you are away"),
            cx,
        );
    }

    /// Publishes our key, for everybody (XEP-0189 section 6).
    pub(crate) fn publish_key(&mut self, key: &Element, cx: &mut Cx<'_>) {
        self.publish(PUBLIC_KEY, "open", key, Pending::Publication("Nobody can ask for your key"), cx);
    }

    /// Publishes what certifies our key, if anything does.
    pub(crate) fn publish_attestation(&mut self, cx: &mut Cx<'_>) {
        let attest = |me: &BareJid| cx.settings.attestation.as_ref()?.to_element(me.as_str(), cx.now.unix).ok();
        if let Some(attest) = cx.me().and_then(attest) {
            let pending = Pending::Publication("Nobody can see who certifies your key");
            self.publish(ATTESTATION, "open", &attest, pending, cx);
        }
    }

    /// Asks the account's server for its keys.
    pub(crate) fn keys(&mut self, whose: BareJid, cx: &mut Cx<'_>) {
        if !cx.online {
            return cx.tell(Event::own_error(None, "not-connected", "there is no connection to the server"));
        }
        let id = cx.fresh_id();
        cx.send(stanza::items_of(&whose.clone().into(), PUBLIC_KEY, &id));
        self.pending.insert(id, Pending::Keys(whose));
    }

    /// XEP-0060 section 7.1.5: one item, kept.
    fn publish(&mut self, node: &str, access: &str, payload: &Element, pending: Pending, cx: &mut Cx<'_>) {
        let item =
            Element::builder("item", PUBSUB).attr(xml_ncname!("id").to_owned(), "current").append(payload.clone());
        let publish =
            Element::builder("publish", PUBSUB).attr(xml_ncname!("node").to_owned(), node).append(item.build());
        let field = |var: &str, value: &str| {
            let value = text("value", DATA_FORMS, value);
            Element::builder("field", DATA_FORMS).attr(xml_ncname!("var").to_owned(), var).append(value).build()
        };
        let form = Element::builder("x", DATA_FORMS)
            .attr(xml_ncname!("type").to_owned(), "submit")
            .append(field("FORM_TYPE", "http://jabber.org/protocol/pubsub#publish-options"))
            .append(field("pubsub#access_model", access))
            .append(field("pubsub#persist_items", "true"));
        let publish_options = Element::builder("publish-options", PUBSUB).append(form.build()).build();
        let pubsub = Element::builder("pubsub", PUBSUB).append(publish.build()).append(publish_options).build();
        self.ask("set", None, pubsub, pending, cx);
    }

    /// The answer to an iq that the user wrote is shown as it comes.
    pub(crate) fn expect_raw(&mut self, id: &str) {
        self.pending.insert(id.to_owned(), Pending::Raw);
    }

    /// Nothing is awaited over a new stream.
    pub(crate) fn clear(&mut self) {
        self.pending.clear();
    }

    /// An `<iq type='result'/>` or `<iq type='error'/>`; `encrypted` if what it says came out of a session.
    pub(crate) fn handle_answer(&mut self, iq: &Element, encrypted: bool, cx: &mut Cx<'_>) {
        let id = iq.attr("id").unwrap_or_default();
        let Some(pending) = self.pending.remove(id) else { return };
        if let Pending::Interest = pending {
            return;
        }
        if let Pending::Publication(consequence) = pending {
            if iq.attr("type") == Some("error") {
                let Failure { condition, .. } = Failure::read(iq);
                let text = format!("{consequence}: your server did not take it ({condition}).");
                cx.tell(Event::Notice { text });
            }
            return;
        }
        if let Pending::Keys(whose) = pending {
            // Where nothing is given out, there is still what is known.
            published_keys::learn(&whose, iq, cx);
            return published_keys::tell(&whose, cx);
        }
        let from = iq.attr("from").unwrap_or_default().to_owned();
        if let Pending::Raw = pending {
            let xml = stanza::serialize(iq).unwrap_or_default();
            return cx.tell(Event::Stanza { xml, encrypted });
        }
        if iq.attr("type") == Some("error") {
            let Failure { condition, text, .. } = Failure::read(iq);
            return cx.tell(Event::Error { id: Some(id.to_owned()), condition, text, from: Some(from), encrypted });
        }
        let payload = iq.children().next();
        match (pending, payload) {
            (Pending::RegistrationForm { to, fields }, Some(query)) => {
                self.handle_registration_form(&to, query, &fields, cx);
            }
            (Pending::Registration, _) => cx.tell(Event::Registered { from }),
            (Pending::Unregistration, _) => cx.tell(Event::Unregistered { from }),
            (Pending::Command, Some(command)) => self.handle_command(from, command, cx),
            (Pending::GatewayPrompt, Some(query)) => cx.tell(Event::GatewayPrompt {
                from,
                description: child_text(query, "desc", GATEWAY),
                prompt: child_text(query, "prompt", GATEWAY),
                jid: child_text(query, "jid", GATEWAY),
            }),
            (Pending::Roster, Some(query)) => cx.tell(Event::Roster { items: roster_items(query), push: false }),
            (_, _) => cx.tell(Event::own_error(Some(id), "state", format!("an empty answer of {from}"))),
        }
    }

    fn handle_registration_form(
        &mut self,
        to: &Jid,
        query: &Element,
        fields: &BTreeMap<String, Values>,
        cx: &mut Cx<'_>,
    ) {
        let x = query.get_child("x", DATA_FORMS);
        let form = x.map_or_else(|| forms::read_plain(query), forms::read);
        if fields.is_empty() {
            return cx.tell(Event::Form { from: to.to_string(), form });
        }
        let submit = Element::builder("query", REGISTER);
        let submit = match x {
            Some(_) => submit.append(forms::fill(&form, fields)),
            None => submit.append_all(fields.iter().filter_map(|(var, values)| {
                let known = form.fields.iter().find(|field| field.var == *var)?;
                Some(text(&known.var, REGISTER, &values.to_strings().concat()))
            })),
        };
        self.ask("set", Some(to), submit.build(), Pending::Registration, cx);
    }

    fn handle_command(&mut self, from: String, command: &Element, cx: &mut Cx<'_>) {
        let attr = |name: &str| command.attr(name).map(str::to_owned);
        let session = attr("sessionid");
        let form = command.get_child("x", DATA_FORMS).map(forms::read);
        let status = attr("status").unwrap_or_else(|| "completed".to_owned());
        if let (Some(session), Some(form), "executing") = (&session, &form, status.as_str()) {
            self.command_forms.insert(session.clone(), form.clone());
        }
        let actions = command.get_child("actions", COMMANDS).into_iter().flat_map(Element::children);
        let notes = command.children().filter(|child| child.is("note", COMMANDS));
        cx.tell(Event::Command {
            from,
            node: attr("node").unwrap_or_default(),
            session,
            status,
            actions: actions.map(|action| action.name().to_owned()).collect(),
            notes: notes
                .map(|note| Note { kind: note.attr("type").unwrap_or("info").to_owned(), text: note.text() })
                .collect(),
            form,
        });
    }

    fn ask(&mut self, kind: &str, to: Option<&Jid>, payload: Element, pending: Pending, cx: &mut Cx<'_>) {
        if !cx.online {
            return cx.tell(Event::own_error(None, "not-connected", "there is no connection to the server"));
        }
        let id = cx.fresh_id();
        if cx.send(stanza::iq(kind, to, &id).append(payload).build()) > 0 {
            self.pending.insert(id, pending);
        }
    }
}

/// The entries of a roster query.
pub(crate) fn roster_items(query: &Element) -> Vec<RosterItem> {
    let items = query.children().filter(|child| child.is("item", ROSTER));
    items
        .map(|item| RosterItem {
            jid: item.attr("jid").unwrap_or_default().to_owned(),
            name: item.attr("name").map(str::to_owned),
            subscription: item.attr("subscription").unwrap_or("none").to_owned(),
            ask: item.attr("ask").is_some(),
            groups: item.children().filter(|child| child.is("group", ROSTER)).map(Element::text).collect(),
        })
        .collect()
}
