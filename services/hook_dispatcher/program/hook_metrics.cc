#include "services/hook_dispatcher/program/hook_metrics.h"

#include <prometheus/counter.h>
#include <prometheus/histogram.h>

#include <string>

namespace gitops {
namespace {

// From a hook on the same machine to one that waits for connections to drain.
const prometheus::Histogram::BucketBoundaries& Bounds() {
  static const auto* const bounds = new prometheus::Histogram::BucketBoundaries{
      0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60};
  return *bounds;
}

}  // namespace

HookObserver CountHooks(Metrics& metrics) {
  auto* const requests =
      &prometheus::BuildCounter()
           .Name("gitops_hook_requests_total")
           .Help("Hook calls by result, each counted once however many attempts it took.")
           .Register(metrics.registry());
  auto* const durations = &prometheus::BuildHistogram()
                               .Name("gitops_hook_duration_seconds")
                               .Help("Duration of hook calls, including retries.")
                               .Register(metrics.registry());
  return [requests, durations](const v1::HookCall& call, const std::string& result) {
    requests->Add({{"hook", call.hook()}, {"point", call.point()}, {"result", result}}).Increment();
    durations->Add({{"hook", call.hook()}}, Bounds())
        .Observe(static_cast<double>(call.duration().seconds()) + call.duration().nanos() / 1e9);
  };
}

}  // namespace gitops
