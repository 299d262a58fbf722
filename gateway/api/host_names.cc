#include "gateway/api/host_names.h"

#include <utility>

namespace gitops {
namespace {

using google::protobuf::FieldDescriptor;
using Message = RpcCaller::Message;

constexpr int kPageSize = 10'000;

const FieldDescriptor* Field(const Message& message, const char* name) {
  return message.GetDescriptor()->FindFieldByName(name);
}

class Listing : public std::enable_shared_from_this<Listing> {
 public:
  Listing(RpcCaller* caller, std::shared_ptr<const Backend> backend,
          const google::protobuf::MethodDescriptor& method, std::unique_ptr<Message> request,
          const RpcCaller::Options& call, std::function<void(absl::StatusOr<HostNames>)> done)
      : caller_(caller),
        backend_(std::move(backend)),
        method_(method),
        request_(std::move(request)),
        call_(call),
        done_(std::move(done)) {
    request_->GetReflection()->SetInt32(request_.get(), Field(*request_, "page_size"), kPageSize);
  }

  void NextPage() {
    std::unique_ptr<Message> page(request_->New());
    page->CopyFrom(*request_);
    caller_->Unary(backend_, method_, std::move(page), call_,
                   [self = shared_from_this()](absl::StatusOr<std::unique_ptr<Message>> answer) {
                     self->Take(std::move(answer));
                   });
  }

 private:
  void Take(absl::StatusOr<std::unique_ptr<Message>> answer) {
    if (!answer.ok()) return done_(answer.status());
    const auto& reflection = *(*answer)->GetReflection();
    const FieldDescriptor* hosts = Field(**answer, "hosts");
    for (int i = 0; i < reflection.FieldSize(**answer, hosts); ++i) {
      const Message& host = reflection.GetRepeatedMessage(**answer, hosts, i);
      names_.insert(host.GetReflection()->GetString(host, Field(host, "host")));
    }
    const std::string next = reflection.GetString(**answer, Field(**answer, "next_page_token"));
    if (next.empty()) return done_(std::move(names_));
    request_->GetReflection()->SetString(request_.get(), Field(*request_, "page_token"), next);
    NextPage();
  }

  RpcCaller* const caller_;
  const std::shared_ptr<const Backend> backend_;
  const google::protobuf::MethodDescriptor& method_;
  const std::unique_ptr<Message> request_;
  const RpcCaller::Options call_;
  const std::function<void(absl::StatusOr<HostNames>)> done_;
  HostNames names_;
};

}  // namespace

void ReadHostNames(RpcCaller* caller, std::shared_ptr<const Backend> backend,
                   const google::protobuf::MethodDescriptor& method,
                   std::unique_ptr<Message> request, const RpcCaller::Options& call,
                   std::function<void(absl::StatusOr<HostNames>)> done) {
  std::make_shared<Listing>(caller, std::move(backend), method, std::move(request), call,
                            std::move(done))
      ->NextPage();
}

}  // namespace gitops
