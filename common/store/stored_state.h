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

// The store that an earlier version wrote: a copy of a file of integration_tests/stored_state, as
// it is opened after an upgrade. For tests.
class StoredState {
 public:
  // Ends the process if the file cannot be opened. `clock` is not owned.
  StoredState(const std::string& file, Clock* clock);

  Store* store() { return store_.get(); }

  // What went wrong, in lines, when every value under `prefix` was read as the message that
  // `messages` has for its key's beginning, and written again: it was not read, has fields that are
  // not known, or became other bytes. A null message is for values that are no messages.
  std::string Faults(const std::string& prefix,
                     const std::map<std::string, const google::protobuf::Message*>& messages);

 private:
  TempDirectory directory_;
  std::unique_ptr<Store> store_;
};

}  // namespace gitops

#endif  // GITOPS_COMMON_STORE_STORED_STATE_H_
