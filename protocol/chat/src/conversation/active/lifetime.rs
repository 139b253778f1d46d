//! How a session begins, is confirmed, gets new keys when it has rested, and ends (XEP-0116 section 8).

use esession::{Ending, Profile, SasMethod};
use jid::Jid;

use super::{Active, Conversation, Proof, hint, must_confirm};
use crate::conversation::probe::Probe;
use crate::effects::Cx;
use crate::event::{Event, SessionEvent, SessionState};

impl Conversation {
    /// Whether messages can be sent in the session.
    pub(in crate::conversation) fn is_open(&self) -> bool {
        self.active.as_ref().is_some_and(Active::is_open)
    }

    /// A new session takes the place of the one before, if there is one.
    pub(in crate::conversation) fn take_over(&mut self, active: Active, cx: &mut Cx<'_>) {
        if let Some(mut old) = self.active.take() {
            if old.with != active.with
                && let Ok(c) = old.session.terminate()
            {
                let id = cx.fresh_id();
                old.send(&id, c, vec![hint("no-store")], cx);
            }
            self.remember_past(old.thread);
        }
        (self.asking, self.answering) = (None, None);
        self.probe = Probe::default();
        self.outbox.rewind();
        (self.refusals, self.typing, self.retry) = (0, false, None);
        let active = self.active.insert(active);
        if active.session.is_confirmed() {
            // shows the peer that we hold the final keys, so that it may commit its secret (W2)
            if let Ok(c) = active.session.confirm() {
                let id = cx.fresh_id();
                active.send(&id, c, vec![hint("no-store")], cx);
            }
            self.handle_confirmation(cx);
        }
    }

    /// Ends the session, if there is one, and waits for the acknowledgement.
    pub(in crate::conversation) fn terminate(&mut self, cx: &mut Cx<'_>) {
        let Some(active) = &mut self.active else { return };
        if let Ok(c) = active.session.terminate() {
            active.acknowledgement_due = Some(cx.now.instant + cx.settings.ending_timeout);
            active.confirmation_due = None;
            let id = cx.fresh_id();
            active.send(&id, c, vec![hint("no-store")], cx);
        }
    }

    /// A form in clear that says the session is over. Only old Gajim ends one so, and only its own; nobody vouches for it.
    pub(in crate::conversation) fn handle_end_in_clear(&mut self, from: &Jid, thread: Option<&str>, cx: &mut Cx<'_>) {
        let is_gajim = |active: &Active| active.agreed.profile == Profile::Gajim;
        if self.active.as_ref().is_some_and(|active| is_gajim(active) && active.is_with(from, thread)) {
            let reason = "the peer says so in clear, as old Gajim does: it may be anybody".to_owned();
            self.finish(false, Some(reason), cx);
        }
    }

    /// Nobody confirmed, or nobody acknowledged.
    pub(in crate::conversation) fn handle_active_timeout(&mut self, cx: &mut Cx<'_>) {
        let Some(active) = &mut self.active else { return };
        if active.acknowledgement_due.is_some_and(|due| due <= cx.now.instant) {
            let reason = "the peer did not acknowledge the end: its last messages may be missing".to_owned();
            return self.finish(false, Some(reason), cx);
        }
        if active.renewal_due().is_some_and(|due| due <= cx.now.instant) {
            if let Ok(c) = active.session.rekey("", cx.rng) {
                let id = cx.fresh_id();
                active.send(&id, c, vec![hint("no-store")], cx);
            }
            return;
        }
        if must_confirm(&active.agreed) {
            return self.fail("the peer did not show that it holds the keys", cx);
        }
        active.confirmation_due = None;
        self.announce(cx);
    }

    /// The peer holds the final keys: only now the new secret takes the place of the old one.
    pub(super) fn handle_confirmation(&mut self, cx: &mut Cx<'_>) {
        let Some(active) = &mut self.active else { return };
        active.confirmation_due = None;
        if let Proof::Chained { secret, sas, .. } = &active.proof {
            cx.book.confirm(&self.peer.to_bare(), *secret);
            if sas.method == SasMethod::Committed28x5 {
                cx.book.note_committed(&self.peer.to_bare());
            }
            cx.save();
        }
        self.announce(cx);
    }

    pub(super) fn handle_ending(&mut self, ending: Ending, cx: &mut Cx<'_>) {
        if let (Ending::ByPeer { acknowledgement }, Some(active)) = (ending, &mut self.active) {
            let id = cx.fresh_id();
            active.send(&id, acknowledgement, vec![hint("no-store")], cx);
            // what crossed with the end was not read by the peer; it goes again if receipts tell what was
            if self.gives_receipts {
                self.outbox.rewind();
            }
        }
        self.finish(true, None, cx);
    }

    /// The session is over in good order, or as far as can be known.
    fn finish(&mut self, acknowledged: bool, reason: Option<String>, cx: &mut Cx<'_>) {
        let Some(active) = self.active.take() else { return };
        let event = active.plain_event(SessionState::Ended);
        cx.tell(Event::Session(Box::new(SessionEvent { acknowledged: Some(acknowledged), reason, ..event })));
        self.typing = false;
        self.probe = Probe::default();
        self.remember_past(active.thread);
        for item in self.outbox.take_sent() {
            if !acknowledged || self.gives_receipts {
                let text = "no receipt came for this message before the session ended";
                cx.tell(Event::own_error(Some(&item.id), "uncertain", text));
            }
        }
        self.schedule_retry(cx);
    }
}
