#include "common/audit/refusals.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/clock/timestamp.h"

namespace gitops {

// Only a certificate proves a name; a caller without one could give each call another.
std::string Refusals::KeyOf(const record::v1::AuditEntry& refused) {
  using record::v1::Principal;
  const Principal& caller = refused.principal();
  const bool proven = caller.authentication() == Principal::AUTHENTICATION_TLS;
  return absl::StrCat(refused.method(), "\n", refused.code(), "\n", caller.address(), "\n",
                      proven ? absl::StrCat(caller.name(), "\n", caller.on_behalf_of()) : "");
}

bool Refusals::Take(const record::v1::AuditEntry& refused, SteadyTime now) {
  std::string key = KeyOf(refused);
  auto found = kinds_.find(key);
  if (found == kinds_.end() && kinds_.size() >= kMostKinds) {
    key.clear();
    found = kinds_.find(key);
  }
  if (found != kinds_.end()) {
    ++found->second.more;
    return false;
  }
  const bool counts_together = key.empty();
  Kind& kind = kinds_[std::move(key)];
  kind.end = now + kWhile;
  if (counts_together) {
    kind.more = 1;
    return false;
  }
  kind.first = refused;
  kind.first.clear_targets();
  return true;
}

void Refusals::Stored(const record::v1::AuditEntry& refused) {
  const auto found = kinds_.find(KeyOf(refused));
  if (found != kinds_.end()) found->second.first.set_number(refused.number());
}

std::vector<record::v1::AuditEntry> Refusals::Due(SteadyTime now, absl::Time time, bool all) {
  std::vector<record::v1::AuditEntry> due;
  for (auto kind = kinds_.begin(); kind != kinds_.end();) {
    if (kind->second.end > now && !all) {
      ++kind;
      continue;
    }
    if (kind->second.more > 0) {
      record::v1::AuditEntry& entry = due.emplace_back(std::move(kind->second.first));
      entry.set_kind(record::v1::AuditEntry::KIND_REFUSED_AGAIN);
      entry.set_of(entry.number());
      *entry.mutable_time() = ToTimestamp(time);
      entry.set_more(kind->second.more);
      entry.set_message(kind->first.empty()
                            ? absl::StrCat(kind->second.more,
                                           " more refused calls, of callers and methods of which "
                                           "there were too many to tell apart")
                            : absl::StrCat(kind->second.more, " more refused calls like this"));
    }
    kind = kinds_.erase(kind);
  }
  return due;
}

SteadyTime Refusals::next() const {
  SteadyTime next = SteadyTime::Infinite();
  for (const auto& [key, kind] : kinds_) next = std::min(next, kind.end);
  return next;
}

}  // namespace gitops
