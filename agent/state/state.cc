#include "agent/state/state.h"

namespace gitops {
namespace {

constexpr State kStates[] = {State::kOk, State::kFreeze, State::kRollback, State::kBroken,
                             State::kDiff};

}  // namespace

absl::string_view StateName(State state) {
  switch (state) {
    case State::kOk:
      return "OK";
    case State::kFreeze:
      return "FREEZE";
    case State::kRollback:
      return "ROLLBACK";
    case State::kBroken:
      return "BROKEN";
    case State::kDiff:
      return "DIFF";
  }
  return "UNKNOWN";
}

std::optional<State> ParseState(absl::string_view name) {
  for (State state : kStates) {
    if (StateName(state) == name) return state;
  }
  return std::nullopt;
}

bool MayFollow(State from, State to) {
  if (from == to) return false;
  switch (from) {
    case State::kOk:
    case State::kRollback:
    case State::kBroken:
    case State::kDiff:
      return true;
    case State::kFreeze:
      return to == State::kOk || to == State::kRollback;
  }
  return false;
}

}  // namespace gitops
