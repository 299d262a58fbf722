#ifndef GITOPS_AGENT_REPORT_PLANNER_STREAM_H_
#define GITOPS_AGENT_REPORT_PLANNER_STREAM_H_

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <optional>

#include "absl/time/time.h"
#include "common/sync/mutex.h"
#include "gitops/v1/report.grpc.pb.h"

namespace gitops {

// One stream to the planner, on gRPC's callback API: a stream that hangs holds no thread. Any
// thread.
class PlannerStream final : public grpc::ClientBidiReactor<v1::ReportRequest, v1::ReportResponse> {
 public:
  // Begins with `hello`. `on_event` is called, without locks held but for this stream's, when
  // look() may have changed. Gives up the channel with the stream.
  static std::unique_ptr<PlannerStream> Open(std::shared_ptr<grpc::Channel> channel,
                                             v1::ReportRequest hello,
                                             std::function<void()> on_event);

  // Cancels, and waits until gRPC has done with the stream, which takes no answer of the planner.
  // Not from one of gRPC's threads, `on_event` among them: the last channel takes these threads
  // down with it, and waits for them.
  ~PlannerStream() override;

  struct Look {
    bool writing = false;                    // what was sent last is still on its way
    std::optional<absl::Duration> interval;  // the planner answered: the heartbeat it asks for
    std::optional<grpc::Status> ended;
  };
  Look look() const;

  // False, and nothing is sent: something is still on its way, or the stream is ending.
  bool Send(v1::ReportRequest request);
  // Ends it from this side; look().ended says when that is done.
  void Cancel();

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

 private:
  PlannerStream(std::shared_ptr<grpc::Channel> channel, v1::ReportRequest hello,
                std::function<void()> on_event);
  void Tell() ABSL_LOCKS_EXCLUDED(mutex_);

  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<v1::ReportService::Stub> stub_;
  grpc::ClientContext context_;
  v1::ReportRequest out_;
  v1::ReportResponse in_;

  mutable Mutex mutex_;
  CondVar done_;
  std::function<void()> on_event_ ABSL_GUARDED_BY(mutex_);
  bool open_ ABSL_GUARDED_BY(mutex_) = true;
  Look look_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace gitops

#endif  // GITOPS_AGENT_REPORT_PLANNER_STREAM_H_
