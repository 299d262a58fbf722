#include "agent/record/codec.h"

#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/clock/timestamp.h"
#include "common/git/commit_message.h"
#include "common/rpc/actor.h"
#include "common/text/escape.h"

namespace gitops {
namespace {

using StoredState = record::v1::ServiceState;

StoredState EncodeState(State state) {
  switch (state) {
    case State::kOk:
      return record::v1::SERVICE_STATE_OK;
    case State::kFreeze:
      return record::v1::SERVICE_STATE_FREEZE;
    case State::kRollback:
      return record::v1::SERVICE_STATE_ROLLBACK;
    case State::kBroken:
      return record::v1::SERVICE_STATE_BROKEN;
    case State::kDiff:
      return record::v1::SERVICE_STATE_DIFF;
  }
  return record::v1::SERVICE_STATE_UNSPECIFIED;
}

}  // namespace

absl::StatusOr<State> DecodeState(record::v1::ServiceState stored) {
  for (State state : {State::kOk, State::kFreeze, State::kRollback, State::kBroken, State::kDiff}) {
    if (EncodeState(state) == stored) return state;
  }
  return absl::DataLossError(absl::StrCat("its state ", static_cast<int>(stored),
                                          " is unknown; a newer agent may have written it"));
}

namespace {

void EncodeTime(absl::Time time, google::protobuf::Timestamp& stored) {
  stored.set_seconds(absl::ToUnixSeconds(time));
  stored.set_nanos(static_cast<int32_t>(
      absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(stored.seconds()))));
}

absl::Time DecodeTime(const google::protobuf::Timestamp& stored) {
  return absl::FromUnixSeconds(stored.seconds()) + absl::Nanoseconds(stored.nanos());
}

}  // namespace

void EncodeRecord(const ServiceRecord& record, record::v1::ServiceRecord& stored) {
  // Names every field of ServiceRecord, so that one more does not compile until it is stored.
  const auto& [state, info, hash, published, target, pinned, coordinated, frozen_by, freeze_reason,
               frozen, pending, last_good, failed, poll_error, source_error, activation_error,
               drift, change_time, generation, links, newest, commit, target_commit, newest_commit,
               poll_reason, source_reason, state_reason] = record;
  stored.set_state(EncodeState(state));
  stored.set_info(EnsureUtf8(info));
  stored.set_hash(hash);
  stored.set_published(published);
  stored.set_target(target);
  stored.set_pinned(pinned);
  stored.set_coordinated(coordinated);
  stored.set_frozen_by(frozen_by.text());
  stored.clear_frozen_by_principal();
  if (const auto& principal = frozen_by.principal()) {
    WritePrincipal(*principal, *stored.mutable_frozen_by_principal());
  }
  stored.set_freeze_reason(EnsureUtf8(freeze_reason));
  stored.set_frozen(frozen);
  stored.set_pending(pending);
  stored.set_last_good(last_good);
  stored.set_failed(failed);
  stored.set_poll_error(EnsureUtf8(poll_error));
  stored.set_source_error(EnsureUtf8(source_error));
  stored.set_activation_error(EnsureUtf8(activation_error));
  stored.set_drift(EnsureUtf8(drift));
  stored.clear_change_time();
  if (change_time != absl::InfinitePast()) EncodeTime(change_time, *stored.mutable_change_time());
  stored.set_generation(generation);
  stored.mutable_links()->Assign(links.begin(), links.end());
  stored.set_newest(newest);
  stored.clear_commit();
  if (!commit.hash.empty()) WriteCommit(commit, *stored.mutable_commit());
  stored.clear_target_commit();
  if (!target_commit.hash.empty()) WriteCommit(target_commit, *stored.mutable_target_commit());
  stored.clear_newest_commit();
  if (!newest_commit.hash.empty()) WriteCommit(newest_commit, *stored.mutable_newest_commit());
  stored.set_state_reason(static_cast<record::v1::StateReason>(state_reason));
}

ServiceRecord DecodeRecord(const record::v1::ServiceRecord& stored) {
  ServiceRecord record;
  record.state = DecodeState(stored.state()).value_or(State::kDiff);
  record.info = stored.info();
  record.hash = stored.hash();
  record.published = stored.published();
  record.target = stored.target();
  record.pinned = stored.pinned();
  record.coordinated = stored.coordinated();
  record.frozen_by = MakeActor(stored.frozen_by(), stored.frozen_by_principal());
  record.freeze_reason = stored.freeze_reason();
  record.frozen = stored.frozen();
  record.pending = stored.pending();
  record.last_good = stored.last_good();
  record.failed = stored.failed();
  record.poll_error = stored.poll_error();
  record.source_error = stored.source_error();
  record.activation_error = stored.activation_error();
  record.drift = stored.drift();
  if (stored.has_change_time()) record.change_time = DecodeTime(stored.change_time());
  record.generation = stored.generation();
  record.links = {stored.links().begin(), stored.links().end()};
  record.newest = stored.newest();
  record.commit = ReadCommit(stored.commit());
  record.target_commit = ReadCommit(stored.target_commit());
  record.newest_commit = ReadCommit(stored.newest_commit());
  record.state_reason = static_cast<StateReason>(stored.state_reason());
  // Of both errors, the next attempt and the next poll tell again.
  if (!record.source_error.empty()) {
    record.source_reason = record.state_reason;
  } else if (!record.poll_error.empty()) {
    record.poll_reason = record.state_reason;
  }
  return record;
}

record::v1::ChangeRecord EncodeChange(const ChangeRecord& change) {
  record::v1::ChangeRecord stored;
  EncodeTime(change.time, *stored.mutable_time());
  stored.set_from_hash(change.from_hash);
  stored.set_to_hash(change.to_hash);
  stored.set_from_state(EncodeState(change.from_state));
  stored.set_to_state(EncodeState(change.to_state));
  stored.set_reason(EnsureUtf8(change.reason));
  WriteActor(change.actor, stored);
  *stored.mutable_duration() = ToDuration(change.duration);
  if (!change.commit.hash.empty()) WriteCommit(change.commit, *stored.mutable_commit());
  return stored;
}

absl::StatusOr<ChangeRecord> DecodeChange(const record::v1::ChangeRecord& stored) {
  absl::StatusOr<State> from = DecodeState(stored.from_state());
  if (!from.ok()) return from.status();
  absl::StatusOr<State> to = DecodeState(stored.to_state());
  if (!to.ok()) return to.status();
  ChangeRecord change;
  change.time = DecodeTime(stored.time());
  change.from_hash = stored.from_hash();
  change.to_hash = stored.to_hash();
  change.from_state = *from;
  change.to_state = *to;
  change.reason = stored.reason();
  change.actor = ReadActor(stored);
  change.duration = FromDuration(stored.duration());
  change.commit = ReadCommit(stored.commit());
  return change;
}

}  // namespace gitops
