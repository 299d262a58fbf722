#include "services/planner/rpc/answer_size.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "common/text/utf8.h"

namespace gitops {
namespace {

constexpr char kShortened[] = "… [shortened: the whole answer would be too large]";
// Lengths to which each text is cut, tried in this order.
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

// Calls `shorten` with fewer and fewer bytes until `message` fits.
template <typename Message, typename Shorten>
void Fit(const Message& message, size_t most, const Shorten& shorten) {
  for (const size_t bytes : kTextBytes) {
    if (message.ByteSizeLong() <= most) return;
    shorten(bytes);
  }
}

}  // namespace

void FitAnswer(v1::Deployment& deployment, size_t most) {
  Fit(deployment, most,
      [&](size_t bytes) { ShortenCalls(*deployment.mutable_hook_calls(), bytes); });
}

void FitAnswer(v1::HostDeployment& host, size_t most) {
  Fit(host, most, [&](size_t bytes) {
    for (v1::StepRecord& step : *host.mutable_steps()) {
      for (v1::ActionRecord& action : *step.mutable_actions()) {
        Shorten(*action.mutable_output(), bytes);
      }
      ShortenCalls(*step.mutable_hook_calls(), bytes);
    }
  });
  if (host.ByteSizeLong() <= most) return;
  host.clear_steps();
  absl::StrAppend(host.mutable_message(), host.message().empty() ? "" : " ",
                  "[steps are left out: the whole answer would be too large]");
}

}  // namespace gitops
