#include "services/hook_dispatcher/payload/answer_rules.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/plan/vocabulary.h"
#include "common/rpc/error.h"
#include "common/text/utf8.h"

namespace gitops {
namespace {

std::string Quoted(absl::string_view name) {
  constexpr size_t kMostShown = 100;
  return absl::StrCat("\"", absl::Utf8SafeCHexEscape(ValidUtf8(name, kMostShown)),
                      name.size() > kMostShown ? "…\"" : "\"");
}

absl::Status Refuse(absl::string_view what) { return absl::InvalidArgumentError(what); }

absl::Status CheckHosts(const Payload& payload) {
  HostNames seen;
  for (size_t i = 0; i < payload.size(); ++i) {
    const HostActions& host = payload[i];
    const std::string field = absl::StrCat("hosts[", i, "]");
    if (!seen.insert(host.host).second) {
      return InvalidField(absl::StrCat(field, ".host"),
                          absl::StrCat("the host ", Quoted(host.host), " is listed twice"));
    }
    const absl::Status status = CheckActions(host.actions, absl::StrCat(field, ".actions"));
    if (!status.ok()) {
      return WithMessage(status, absl::StrCat("host ", Quoted(host.host), ": ", status.message()));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckKnown(const Payload& sent, const HostNames& known, const Payload& answer) {
  HostNames in_question;
  for (const HostActions& host : sent) in_question.insert(host.host);
  for (const HostActions& host : answer) {
    if (in_question.contains(host.host) || known.contains(host.host)) continue;
    return Refuse(absl::StrCat("the host ", Quoted(host.host), " is not in the fleet"));
  }
  return absl::OkStatus();
}

// Whether `some` is `all` with elements removed.
bool IsSubsequence(const std::vector<std::string>& some, const std::vector<std::string>& all) {
  size_t next = 0;
  for (const std::string& element : all) {
    if (next < some.size() && some[next] == element) ++next;
  }
  return next == some.size();
}

absl::Status CheckOnlyRemoved(const Payload& sent, const Payload& answer) {
  size_t next = 0;
  for (const HostActions& host : answer) {
    while (next < sent.size() && sent[next].host != host.host) ++next;
    if (next == sent.size()) {
      return Refuse(absl::StrCat("a filter may only remove, but the host ", Quoted(host.host),
                                 " was added or moved"));
    }
    if (!IsSubsequence(host.actions, sent[next].actions)) {
      return Refuse(absl::StrCat("a filter may only remove, but actions of ", Quoted(host.host),
                                 " were added or moved"));
    }
    ++next;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckQuestion(absl::string_view point, const Payload& payload) {
  if (absl::Status status = CheckHookPoint(point); !status.ok()) return status;
  if (!IsSelectPoint(point) && payload.size() != 1) {
    return InvalidField("hosts",
                        absl::StrCat(point, " takes exactly one host, not ", payload.size()));
  }
  for (size_t i = 0; i < payload.size(); ++i) {
    if (!payload[i].host.empty()) continue;
    return InvalidField(absl::StrCat("hosts[", i, "].host"), "a host has no name");
  }
  return CheckHosts(payload);
}

absl::Status CheckAnswer(absl::string_view point, HookMode mode, const Payload& sent,
                         const HostNames& known, const Payload& answer) {
  if (!IsSelectPoint(point) && (answer.size() != 1 || answer[0].host != sent[0].host)) {
    return Refuse(absl::StrCat("it is for another host, ",
                               answer.empty() ? "none" : Quoted(answer[0].host), ", not ",
                               Quoted(sent[0].host)));
  }
  if (absl::Status status = CheckKnown(sent, known, answer); !status.ok()) return status;
  if (absl::Status status = CheckHosts(answer); !status.ok()) return status;
  return mode == HookMode::kFilter ? CheckOnlyRemoved(sent, answer) : absl::OkStatus();
}

}  // namespace gitops
