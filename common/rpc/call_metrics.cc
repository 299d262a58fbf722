#include "common/rpc/call_metrics.h"

#include <google/protobuf/descriptor.h>
#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <chrono>
#include <map>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/sync/mutex.h"

namespace gitops {
namespace {

using Clock = std::chrono::steady_clock;

// "/package.Service/Method" in its two parts.
std::pair<std::string, std::string> SplitMethod(absl::string_view method) {
  method = absl::StripPrefix(method, "/");
  const size_t slash = method.find('/');
  if (slash == absl::string_view::npos) return {"unknown", "unknown"};
  return {std::string(method.substr(0, slash)), std::string(method.substr(slash + 1))};
}

// The families, and the series created so far: prometheus-cpp checks and hashes all labels on each
// Add.
class CallSeries {
 public:
  explicit CallSeries(Metrics& metrics)
      : handled_(prometheus::BuildCounter()
                     .Name("grpc_server_handled_total")
                     .Help("Ended calls of this server, by code.")
                     .Register(metrics.registry())),
        seconds_(prometheus::BuildHistogram()
                     .Name("grpc_server_handling_seconds")
                     .Help("Duration of calls of this server.")
                     .Register(metrics.registry())) {}

  void Record(const std::string& method, grpc::StatusCode code,
              std::chrono::duration<double> took) {
    MutexLock lock(mutex_);
    Counter(method, code).Increment();
    Histogram(method).Observe(took.count());
  }

 private:
  prometheus::Counter& Counter(const std::string& method, grpc::StatusCode code)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    prometheus::Counter*& counter = counters_[{method, code}];
    if (counter == nullptr) {
      auto [service, name] = SplitMethod(method);
      counter = &handled_.Add({{"grpc_service", service},
                               {"grpc_method", name},
                               {"grpc_code", std::string(GrpcCodeName(code))}});
    }
    return *counter;
  }

  prometheus::Histogram& Histogram(const std::string& method)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    prometheus::Histogram*& histogram = histograms_[method];
    if (histogram == nullptr) {
      auto [service, name] = SplitMethod(method);
      histogram = &seconds_.Add({{"grpc_service", service}, {"grpc_method", name}},
                                prometheus::Histogram::BucketBoundaries{.005, .01, .025, .05, .1,
                                                                        .25, .5, 1, 2.5, 5, 10});
    }
    return *histogram;
  }

  prometheus::Family<prometheus::Counter>& handled_;
  prometheus::Family<prometheus::Histogram>& seconds_;
  Mutex mutex_;
  std::map<std::pair<std::string, grpc::StatusCode>, prometheus::Counter*> counters_
      ABSL_GUARDED_BY(mutex_);
  std::map<std::string, prometheus::Histogram*> histograms_ ABSL_GUARDED_BY(mutex_);
};

// One call.
class CallRecorder : public grpc::experimental::Interceptor {
 public:
  CallRecorder(std::shared_ptr<CallSeries> series, std::string method)
      : series_(std::move(series)), method_(std::move(method)) {}

  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(
            grpc::experimental::InterceptionHookPoints::PRE_SEND_STATUS)) {
      series_->Record(method_, methods->GetSendStatus().error_code(), Clock::now() - start_);
    }
    methods->Proceed();
  }

 private:
  const std::shared_ptr<CallSeries> series_;
  const std::string method_;
  const Clock::time_point start_ = Clock::now();
};

class CallRecorderFactory : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  CallRecorderFactory(Metrics& metrics, std::shared_ptr<const MethodNames> known)
      : series_(std::make_shared<CallSeries>(metrics)), known_(std::move(known)) {}

  grpc::experimental::Interceptor* CreateServerInterceptor(
      grpc::experimental::ServerRpcInfo* info) override {
    const absl::string_view method = info->method() == nullptr ? "" : info->method();
    return new CallRecorder(series_, known_->contains(method) ? std::string(method) : "unknown");
  }

 private:
  const std::shared_ptr<CallSeries> series_;
  const std::shared_ptr<const MethodNames> known_;
};

}  // namespace

MethodNames MethodsOf(const std::vector<std::string>& services) {
  MethodNames methods = {"/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch",
                         "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"};
  for (const std::string& name : services) {
    const auto* service =
        google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(name);
    if (service == nullptr) continue;
    for (int i = 0; i < service->method_count(); ++i) {
      methods.insert(absl::StrCat("/", name, "/", service->method(i)->name()));
    }
  }
  return methods;
}

std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> MakeCallMetrics(
    Metrics& metrics, std::shared_ptr<const MethodNames> known) {
  return std::make_unique<CallRecorderFactory>(metrics, std::move(known));
}

absl::string_view GrpcCodeName(grpc::StatusCode code) {
  constexpr absl::string_view kNames[] = {
      "OK",       "Canceled",       "Unknown",          "InvalidArgument",   "DeadlineExceeded",
      "NotFound", "AlreadyExists",  "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
      "Aborted",  "OutOfRange",     "Unimplemented",    "Internal",          "Unavailable",
      "DataLoss", "Unauthenticated"};
  if (code < 0 || code >= static_cast<int>(std::size(kNames))) return "Unknown";
  return kNames[code];
}

}  // namespace gitops
