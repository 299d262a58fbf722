#ifndef GITOPS_COMMON_STORE_STORED_STATE_H_
#define GITOPS_COMMON_STORE_STORED_STATE_H_

#include <map>
#include <memory>
#include <string>

#include "common/clock/clock.h"
#include "common/store/store.h"
#include "common/store/temp_store.h"
#include "google/protobuf/message.h"

namespace gitops {

// For tests: a store of an earlier version, copied from integration_tests/stored_state and opened
// as after an upgrade.
class StoredState {
 public:
  // Ends the process if the file cannot be opened. `clock` is not owned.
  StoredState(const std::string& file, Clock* clock);

  Store* store() { return store_.get(); }

  // Reads every value under `prefix` as the message that `messages` has for the start of its key,
  // and serializes it again. Returns a line for each value that cannot be parsed, has unknown
  // fields, or is serialized to other bytes. A null message is for values that are not messages.
  std::string Faults(const std::string& prefix,
                     const std::map<std::string, const google::protobuf::Message*>& messages);

 private:
  TempDirectory directory_;
  std::unique_ptr<Store> store_;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_STORE_STORED_STATE_H_
