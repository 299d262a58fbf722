#include "common/rpc/reflection_limit.h"

#include <grpcpp/server_context.h>

#include <atomic>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"

namespace gitops {
namespace {

using grpc::experimental::InterceptionHookPoints;

// Lives as long as its stream.
class Stream final : public grpc::experimental::Interceptor {
 public:
  Stream(std::shared_ptr<std::atomic<int>> open, grpc::ServerContextBase* context)
      : open_(std::move(open)), refused_(++*open_ > kMaxReflectionStreams), context_(context) {}
  ~Stream() override { --*open_; }

  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
    const bool begins =
        methods->QueryInterceptionHookPoint(InterceptionHookPoints::POST_RECV_INITIAL_METADATA);
    // An interceptor of a server cannot answer in the handler's place, which ends at its first
    // read.
    if (begins && refused_) context_->TryCancel();
    methods->Proceed();
  }

 private:
  const std::shared_ptr<std::atomic<int>> open_;
  const bool refused_;
  grpc::ServerContextBase* const context_;
};

class ReflectionLimit final : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  grpc::experimental::Interceptor* CreateServerInterceptor(
      grpc::experimental::ServerRpcInfo* info) override {
    const absl::string_view method = info->method() == nullptr ? "" : info->method();
    if (!absl::StartsWith(method, "/grpc.reflection.")) return nullptr;
    return new Stream(open_, info->server_context());
  }

 private:
  const std::shared_ptr<std::atomic<int>> open_ = std::make_shared<std::atomic<int>>(0);
};

}  // namespace

std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> MakeReflectionLimit() {
  return std::make_unique<ReflectionLimit>();
}

}  // namespace gitops
