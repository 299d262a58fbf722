#include "services/planner/rpc/answer_size.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "common/text/utf8.h"

namespace gitops {
namespace {

constexpr char kShortened[] = "… [shortened: the whole answer would be too large]";
// What is left of each text, tried in this order.
constexpr size_t kTextBytes[] = {4096, 1024, 256, 0};

void Shorten(std::string& text, size_t most) {
  if (text.size() <= most + sizeof(kShortened)) return;
  text = absl::StrCat(ValidUtf8(text, most), kShortened);
}

template <typename Calls>
void ShortenCalls(Calls& calls, size_t most) {
  for (v1::HookCall& call : calls) {
    Shorten(*call.mutable_request(), most);
    Shorten(*call.mutable_response(), most);
  }
}

void ShortenTexts(v1::HostDeployment& host, size_t most) {
  for (v1::StepRecord& step : *host.mutable_steps()) {
    for (v1::ActionRecord& action : *step.mutable_actions()) {
      Shorten(*action.mutable_output(), most);
    }
    ShortenCalls(*step.mutable_hook_calls(), most);
  }
}

void ShortenTexts(v1::Deployment& deployment, size_t most) {
  for (v1::HostDeployment& host : *deployment.mutable_hosts()) ShortenTexts(host, most);
  ShortenCalls(*deployment.mutable_hook_calls(), most);
}

void DropSteps(v1::HostDeployment& host) { host.clear_steps(); }

void DropSteps(v1::Deployment& deployment) {
  for (v1::HostDeployment& host : *deployment.mutable_hosts()) DropSteps(host);
}

template <typename Message>
void Fit(Message& message, size_t most) {
  for (const size_t bytes : kTextBytes) {
    if (message.ByteSizeLong() <= most) return;
    ShortenTexts(message, bytes);
  }
  if (message.ByteSizeLong() <= most) return;
  DropSteps(message);
  absl::StrAppend(message.mutable_message(), message.message().empty() ? "" : " ",
                  "[steps are left out: the whole answer would be too large]");
}

}  // namespace

void FitAnswer(v1::Deployment& deployment, size_t most) { Fit(deployment, most); }

void FitAnswer(v1::HostDeployment& host, size_t most) { Fit(host, most); }

}  // namespace gitops
