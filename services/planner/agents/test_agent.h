#ifndef GITOPS_SERVICES_PLANNER_AGENTS_TEST_AGENT_H_
#define GITOPS_SERVICES_PLANNER_AGENTS_TEST_AGENT_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "common/rpc/server.h"
#include "common/sync/mutex.h"
#include "gitops/v1/agent.grpc.pb.h"
#include "gitops/v1/operation.grpc.pb.h"

namespace gitops {

// An agent on a real gRPC server, which a test can stop, start again, and make misbehave. What it
// has done it remembers by operation id, over restarts too. Any thread.
class TestAgent {
 public:
  // `listen`: "127.0.0.1:0" or "unix:PATH".
  explicit TestAgent(std::string listen = "127.0.0.1:0");
  ~TestAgent();

  const std::string& address() const { return address_; }
  // Ends the server and its calls at once; what was held is neither done nor answered.
  void Stop();
  // Serves at the same address again, after another boot.
  void Start();
  // The next server that starts says so many times that it is stopping.
  void AnswerUnavailable(int times);

  // Actions stand still before they are done until Release().
  void Hold();
  void Release();
  bool AwaitHeld(int count);

  // What an action that is done comes to; by default OK.
  void Answer(absl::Status status, v1::PerformActionResponse done = {});
  // How often the operation was really done.
  int Done(const std::string& operation);
  // How often it was asked for.
  int Asked(const std::string& operation);
  int status_asked();
  // On whose behalf the last brake was; "nobody": it was not said.
  std::string last_user();
  v1::RunCheckRequest last_check();

 private:
  class Operations;
  class Services;

  grpc::Status Perform(grpc::ServerContext* context, const v1::PerformActionRequest& request,
                       v1::PerformActionResponse* response);

  std::string address_;
  std::unique_ptr<Operations> operations_;
  std::unique_ptr<Services> services_;
  std::unique_ptr<RpcServer> server_;
  Mutex mutex_;
  CondVar changed_;
  int boots_ ABSL_GUARDED_BY(mutex_) = 0;
  int unavailable_ ABSL_GUARDED_BY(mutex_) = 0;
  bool hold_ ABSL_GUARDED_BY(mutex_) = false;
  int held_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status answer_ ABSL_GUARDED_BY(mutex_);
  v1::PerformActionResponse response_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, int> done_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, int> asked_ ABSL_GUARDED_BY(mutex_);
  int status_asked_ ABSL_GUARDED_BY(mutex_) = 0;
  std::string last_user_ ABSL_GUARDED_BY(mutex_);
  v1::RunCheckRequest last_check_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace gitops

#endif  // GITOPS_SERVICES_PLANNER_AGENTS_TEST_AGENT_H_
