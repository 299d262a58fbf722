#ifndef GITOPS_COMMON_CLIENT_CALLS_H_
#define GITOPS_COMMON_CLIENT_CALLS_H_

#include <google/protobuf/repeated_field.h>

#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/client/client.h"
#include "common/rpc/peer.h"

namespace gitops {

// Shared parts of the clients in this folder.

// A connection for the calls of clients. `name` and `program`: see PeerOptions.
PeerOptions PeerOptionsFor(const ClientOptions& options, const std::string& name,
                           const std::string& program, int default_port);
// `timeout` counts if the caller has no deadline.
CallOptions CallOptionsFor(const Caller& caller, absl::Duration timeout);
std::string NewRequestId();

// The calls of one caller to one server.
template <typename Service>
class Calls {
 public:
  using Async = typename Service::StubInterface::async_interface;
  template <typename Request, typename Response>
  using Unary = UnaryMethod<Async, Request, Response>;
  template <typename Request, typename Response>
  using Streaming = StreamMethod<Async, Request, Response>;

  static absl::StatusOr<std::shared_ptr<const Calls>> New(PeerOptions options, Caller caller) {
    absl::StatusOr<std::unique_ptr<Peer<Service>>> peer = Peer<Service>::New(std::move(options));
    if (!peer.ok()) return peer.status();
    return std::make_shared<const Calls>(*std::move(peer), std::move(caller));
  }
  Calls(std::shared_ptr<Peer<Service>> peer, Caller caller)
      : peer_(std::move(peer)), caller_(std::move(caller)) {}

  const std::shared_ptr<Peer<Service>>& peer() const { return peer_; }
  const Caller& caller() const { return caller_; }

  template <typename Request, typename Response>
  absl::StatusOr<Response> Call(Unary<Request, Response> method, const Request& request,
                                absl::Duration timeout = kReadTimeout) const {
    return peer_->Call(method, request, CallOptionsFor(caller_, timeout));
  }

  // Creates one resource, even if the answer is lost and the call is repeated.
  template <typename Request, typename Response>
  absl::StatusOr<Response> Create(Unary<Request, Response> method, Request request) const {
    if (request.request_id().empty()) request.set_request_id(NewRequestId());
    return peer_->CallRepeatable(method, request, CallOptionsFor(caller_, kMoveTimeout));
  }

  // All pages of a list, up to `most` elements (0: all).
  template <typename Element, typename Request, typename Response>
  absl::StatusOr<std::vector<Element>> AllPages(
      Unary<Request, Response> method, Request request,
      google::protobuf::RepeatedPtrField<Element>* (Response::*elements_of)(),
      size_t most = 0) const {
    std::vector<Element> all;
    while (true) {
      absl::StatusOr<Response> page = Call(method, request);
      if (!page.ok()) return page.status();
      for (Element& element : *((*page).*elements_of)()) {
        if (most == 0 || all.size() < most) all.push_back(std::move(element));
      }
      if (page->next_page_token().empty() || all.size() == most) return all;
      if (page->next_page_token() == request.page_token()) {
        return absl::InternalError("the server answers the same page again and again");
      }
      request.set_page_token(page->next_page_token());
    }
  }

  // Calls `seen` for each answer until it returns false (then OK) or the stream ends, with its
  // status.
  template <typename Request, typename Response>
  absl::Status Stream(Streaming<Request, Response> method, const Request& request,
                      absl::Duration timeout,
                      const std::type_identity_t<std::function<bool(Response&)>>& seen) const {
    return peer_->Read(method, request, CallOptionsFor(caller_, timeout), seen);
  }

  // Like Stream, with only the caller's deadline as the time limit. UNAVAILABLE: the server ended
  // it.
  template <typename Request, typename Response>
  absl::Status Watch(Streaming<Request, Response> method, const Request& request,
                     const std::type_identity_t<std::function<bool(const Response&)>>& seen) const {
    bool wanted = true;
    const absl::Status ended = Stream(method, request, absl::InfiniteDuration(),
                                      [&](Response& response) { return wanted = seen(response); });
    if (wanted && ended.ok()) return absl::UnavailableError("the server ended the watch");
    return ended;
  }

 private:
  const std::shared_ptr<Peer<Service>> peer_;
  const Caller caller_;
};

// The field of an answer, or its error.
template <typename Response, typename Field>
absl::StatusOr<Field> FieldOf(absl::StatusOr<Response> response, Field* (Response::*field)()) {
  if (!response.ok()) return response.status();
  return std::move(*(*response.*field)());
}

}  // namespace gitops

#endif  // GITOPS_COMMON_CLIENT_CALLS_H_
