// Package shutdown tells things that they are about to stop.
//
// [Call] makes an HTTP call, [App] an application's own shutdown call, and [Elasticsearch] uses the node shutdown API. [Exec] runs a
// program, and [Signal] signals the container's main process. [Touch] makes a file that another container waits for, and [Remove]
// removes one. [RedisLock] and [EtcdLease] release what is held elsewhere. Run does the thing and returns nil when it is done. Check
// looks whether Run would work, and changes nothing. The context that they get says how much time there is.
//
// The package only acts. Other packages look whether traffic has left, and hold the settings, the plans and the connections. The caller
// gives each thing the means to connect.
package shutdown
