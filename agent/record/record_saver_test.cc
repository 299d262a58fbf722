#include "agent/record/record_saver.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "agent/record/record.h"
#include "common/store/faulty_store.h"
#include "common/store/temp_store.h"
#include "common/sync/mutex.h"
#include "common/testing/eventually.h"
#include "gtest/gtest.h"

namespace gitops {
namespace {

class RecordSaverTest : public ::testing::Test {
 protected:
  void Save(const std::string& service) {
    ServiceRecord record;
    record.hash = service;
    saver_.Save(service, record, std::nullopt, [this](const absl::Status& status) {
      MutexLock lock(mutex_);
      ++(status.ok() ? stored_ : failed_);
    });
  }
  int stored() {
    MutexLock lock(mutex_);
    return stored_;
  }
  int failed() {
    MutexLock lock(mutex_);
    return failed_;
  }

  TempStore temp_;
  FaultyStore store_{temp_.store()};
  RecordStore records_{&store_};
  Mutex mutex_;
  int stored_ ABSL_GUARDED_BY(mutex_) = 0;
  int failed_ ABSL_GUARDED_BY(mutex_) = 0;
  RecordSaver saver_{&records_};
};

TEST_F(RecordSaverTest, WhatIsSavedDuringAFlushSharesTheNextOne) {
  store_.StallWrites();
  Save("first");
  ASSERT_TRUE(Eventually([&] { return store_.writes() == 1; }));
  for (int i = 0; i < 500; ++i) Save(absl::StrCat("service", i));
  store_.Heal();
  ASSERT_TRUE(Eventually([&] { return stored() == 501; }));
  EXPECT_EQ(store_.writes(), 2);
  for (const char* name : {"first", "service0", "service499"}) {
    EXPECT_EQ((*records_.Load(name))->hash, name);
  }
}

TEST_F(RecordSaverTest, EachSaveHasItsOwnResult) {
  store_.FailKeys("agent/v1/service/bad");
  for (const char* name : {"good", "bad", "best"}) Save(name);
  ASSERT_TRUE(Eventually([&] { return stored() + failed() == 3; }));
  EXPECT_EQ(failed(), 1);
  store_.Heal();
  EXPECT_FALSE(records_.Load("bad")->has_value());
  EXPECT_TRUE(records_.Load("best")->has_value());
}

TEST_F(RecordSaverTest, WhatWasHandedOverIsStoredBeforeTheEnd) {
  {
    RecordSaver saver(&records_);
    for (int i = 0; i < 20; ++i) {
      saver.Save(absl::StrCat("service", i), ServiceRecord(), std::nullopt,
                 [](const absl::Status&) {});
    }
  }
  EXPECT_TRUE(records_.Load("service19")->has_value());
}

}  // namespace
}  // namespace gitops
