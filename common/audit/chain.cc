#include "common/audit/chain.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "common/text/sha256.h"

namespace gitops {
namespace {

constexpr size_t kDigits = 19;  // of the largest number

std::string Entries(int64_t first, int64_t last) {
  return first == last ? absl::StrCat("entry ", first, " is")
                       : absl::StrCat("entries ", first, " to ", last, " are");
}

}  // namespace

std::string AuditKey(int64_t number) {
  return absl::StrFormat("%s%0*d", kAuditEntries, static_cast<int>(kDigits), number);
}

int64_t AuditNumber(absl::string_view key) {
  int64_t number = 0;
  if (!absl::ConsumePrefix(&key, kAuditEntries) || key.size() != kDigits ||
      !absl::SimpleAtoi(key, &number)) {
    return 0;
  }
  return std::max<int64_t>(number, 0);
}

ChainCheck::ChainCheck(ChainBounds bounds)
    : bounds_(std::move(bounds)), number_(bounds_.removed), hash_(bounds_.removed_hash) {
  CheckKnown(number_, hash_);
}

void ChainCheck::Take(absl::string_view key, absl::string_view stored) {
  ++checked_;
  const int64_t number = AuditNumber(key);
  if (number == 0) return Report(0, absl::StrCat("there is a record that is no entry: ", key));
  if (number <= bounds_.removed) {
    return Report(number, "it should have been removed by age or size, and is there");
  }
  if (number > bounds_.count) return Report(number, "it is beyond the end of the audit");
  if (first_ == 0) first_ = number;
  const std::string hash = Sha256Hex(stored);
  record::v1::AuditEntry entry;
  if (number > number_ + 1) {
    Report(0, absl::StrCat(Entries(number_ + 1, number - 1), " missing"));
  }
  if (!entry.ParseFromArray(stored.data(), static_cast<int>(stored.size()))) {
    Report(number, "it was changed: it cannot be read");
  } else if (entry.number() != number) {
    Report(number, absl::StrCat("entry ", entry.number(), " was put in its place"));
  } else if (number == number_ + 1 && entry.previous_hash() != hash_) {
    // Either of the two may be the one that is not as it was stored.
    Report(number, number_ == 0
                       ? std::string("it was changed: it is not the first of its audit")
                       : absl::StrCat("it or entry ", number_,
                                      " was changed: it does not follow from entry ", number_));
  }
  CheckKnown(number, hash);
  number_ = number;
  hash_ = hash;
}

void ChainCheck::Finish() {
  if (number_ < bounds_.count) {
    Report(0,
           absl::StrCat("the end was cut off: ", Entries(number_ + 1, bounds_.count), " missing"));
  } else if (hash_ != bounds_.hash) {
    Report(number_, "it was changed: its hash is not the one that was noted when it was stored");
  }
  for (const v1::AuditHead& known : bounds_.known) {
    if (known.count() <= bounds_.count) continue;
    Report(0, absl::StrCat("the end was cut off: the audit had ", known.count(),
                           " entries, and has ", bounds_.count));
  }
}

void ChainCheck::CheckKnown(int64_t number, absl::string_view hash) {
  for (const v1::AuditHead& known : bounds_.known) {
    if (number == 0 || known.count() != number || known.hash() == hash) continue;
    Report(number, "it was changed: its hash is not the one that was reported elsewhere");
  }
}

void ChainCheck::Report(int64_t number, std::string message) {
  if (problems_.size() > kMostProblems) return;
  if (problems_.size() == kMostProblems) {
    number = 0;
    message = "there are more problems than are listed";
  }
  v1::AuditProblem& problem = problems_.emplace_back();
  problem.set_number(number);
  problem.set_message(std::move(message));
}

}  // namespace gitops
