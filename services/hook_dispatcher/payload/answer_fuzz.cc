// What the rules for answers of hooks promise for any body. The first byte picks the point and the
// mode.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "common/plan/hook_payload.h"
#include "common/plan/vocabulary.h"
#include "services/hook_dispatcher/payload/answer_rules.h"

namespace {

using namespace gitops;  // NOLINT: a file of its own

constexpr const char* kPoints[] = {"pre-select",       "post-select",      "pre-deploy",
                                   "post-deploy",      "pre-reboot",       "post-reboot",
                                   "pre-healthchecks", "post-healthchecks"};

void Expect(bool holds) {
  if (!holds) std::abort();
}

std::vector<std::string> Flat(const Payload& payload) {
  std::vector<std::string> flat;
  for (const HostActions& host : payload) {
    flat.push_back("host " + host.host);
    flat.insert(flat.end(), host.actions.begin(), host.actions.end());
  }
  return flat;
}

bool IsSubsequence(const std::vector<std::string>& part, const std::vector<std::string>& whole) {
  auto at = whole.begin();
  for (const std::string& each : part) {
    at = std::find(at, whole.end(), each);
    if (at == whole.end()) return false;
    ++at;
  }
  return true;
}

void CheckError(const absl::Status& status) {
  Expect(absl::IsInvalidArgument(status));
  Expect(!status.message().empty());
}

void CheckAccepted(const std::string& point, HookMode mode, const Payload& sent,
                   const HostNames& known, const Payload& answer) {
  for (const HostActions& host : answer) {
    Expect(known.contains(host.host) || std::any_of(sent.begin(), sent.end(), [&](const auto& s) {
             return s.host == host.host;
           }));
    Expect(host.actions.size() <= 1000 && CheckActions(host.actions).ok());
  }
  if (!IsSelectPoint(point)) Expect(answer.size() == 1 && answer[0].host == sent[0].host);
  if (mode == HookMode::kFilter) Expect(IsSubsequence(Flat(answer), Flat(sent)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string point = kPoints[data[0] % 8];
  const HookMode mode = (data[0] & 8) == 0 ? HookMode::kTransform : HookMode::kFilter;
  const absl::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const absl::StatusOr<Payload> answer = DecodePayload(point, text);
  if (!answer.ok()) {
    CheckError(answer.status());
    return 0;
  }
  if (!answer->empty()) {
    const absl::StatusOr<Payload> again = DecodePayload(point, EncodePayload(point, *answer));
    Expect(again.ok() && *again == *answer);
  }
  if (absl::Status question = CheckQuestion(point, *answer); !question.ok()) CheckError(question);
  Payload sent = {{"web1", {"push", "switch", "reboot"}}, {"web2", {"push"}}};
  if (!IsSelectPoint(point)) sent.resize(1);
  const HostNames known = {"web3"};
  const absl::Status accepted = CheckAnswer(point, mode, sent, known, *answer);
  if (accepted.ok()) {
    CheckAccepted(point, mode, sent, known, *answer);
  } else {
    CheckError(accepted);
  }
  return 0;
}
