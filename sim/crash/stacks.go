package crash

// site is a place in a stack: an image and, for the system's, a function. The app is stripped, so its functions have no name.
type site struct {
	image  int
	symbol string
}

// stack is a list of sites, innermost first.
type stack []site

var (
	runLoop = stack{
		{kernel, "mach_msg2_trap"}, {kernel, "mach_msg2_internal"}, {kernel, "mach_msg_overwrite"}, {kernel, "mach_msg"},
		{coreFoundation, "__CFRunLoopServiceMachPort"}, {coreFoundation, "__CFRunLoopRun"}, {coreFoundation, "CFRunLoopRunSpecific"},
	}
	appMain = stack{
		{graphics, "GSEventRunModal"}, {uiKit, "-[UIApplication _run]"}, {uiKit, "UIApplicationMain"}, {swiftUI, "closure #1 in KitRendererCommon(_:)"},
		{swiftUI, "runApp<A>(_:)"}, {swiftUI, "static App.main()"}, {self, ""}, {dyld, "start"},
	}
	extensionMain = stack{
		{foundation, "-[NSRunLoop(NSRunLoop) runMode:beforeDate:]"}, {foundation, "-[NSRunLoop(NSRunLoop) run]"}, {xpc, "_xpc_objc_main"},
		{xpc, "_xpc_main"}, {xpc, "xpc_main"}, {foundation, "-[NSXPCListener resume]"}, {extensionFoundation, "EXExtensionMain"},
		{foundation, "NSExtensionMain"}, {dyld, "start"},
	}
	// fromUI is how the main thread of the app came to run the app's own code; appMain follows.
	fromUI = stack{
		{self, ""}, {self, ""}, {self, ""}, {swiftUI, "closure #1 in ViewGraph.updateOutputs(at:)"}, {swiftUI, "ViewGraphRootValueUpdater.render(interval:updateDisplayList:targetTimestamp:)"},
		{uiKit, "-[UIView(CALayerDelegate) layoutSublayersOfLayer:]"}, {quartz, "CA::Layer::layout_if_needed(CA::Transaction*)"}, {quartz, "CA::Context::commit_transaction(CA::Transaction*, double, double*)"},
		{quartz, "CA::Transaction::commit()"}, {uiKit, "__34-[UIApplication _firstCommitBlock]_block_invoke_2"}, {coreFoundation, "__CFRUNLOOP_IS_CALLING_OUT_TO_A_BLOCK__"},
		{coreFoundation, "__CFRunLoopDoBlocks"}, {coreFoundation, "__CFRunLoopRun"}, {coreFoundation, "CFRunLoopRunSpecific"},
	}
	// fromQueue is how a worker thread came to run the process's own code.
	fromQueue = stack{
		{self, ""}, {self, ""}, {self, ""}, {dispatch, "_dispatch_call_block_and_release"}, {dispatch, "_dispatch_client_callout"},
		{dispatch, "_dispatch_lane_serial_drain"}, {dispatch, "_dispatch_lane_invoke"}, {dispatch, "_dispatch_root_queue_drain_deferred_wlh"},
		{dispatch, "_dispatch_workloop_worker_thread"}, {pthread, "_pthread_wqthread"}, {pthread, "start_wqthread"},
	}
	aborting = stack{
		{kernel, "__pthread_kill"}, {pthread, "pthread_kill"}, {libc, "abort"}, {cxxabi, "__abort_message"},
		{cxxabi, "demangling_terminate_handler()"}, {objc, "_objc_terminate()"}, {cxxabi, "std::__terminate(void (*)())"},
		{cxxabi, "__cxxabiv1::failed_throw(__cxxabiv1::__cxa_exception*)"}, {cxxabi, "__cxa_throw"}, {objc, "objc_exception_throw"},
	}
	throwing  = stack{{coreFoundation, "__exceptionPreprocess"}, {objc, "objc_exception_throw"}}
	trapping  = stack{{swiftCore, "_assertionFailure(_:_:file:line:flags:)"}}
	releasing = stack{{objc, "objc_retain"}, {swiftConcurrency, "swift::runJobInEstablishedExecutorContext(swift::Job*)"}}
	messaging = stack{{objc, "objc_msgSend"}, {foundation, "-[NSNotificationCenter postNotificationName:object:userInfo:]"}}
	locking   = stack{{kernel, "__psynch_mutexwait"}, {pthread, "_pthread_mutex_firstfit_lock_wait"}, {pthread, "_pthread_mutex_firstfit_lock_slow"}}
	waiting   = stack{{kernel, "semaphore_wait_trap"}, {dispatch, "_dispatch_sema4_wait"}, {dispatch, "_dispatch_semaphore_wait_slow"}}
	writing   = stack{
		{kernel, "__pwrite"}, {sqlite, "unixWrite"}, {sqlite, "pager_write_pagelist"}, {sqlite, "sqlite3PagerCommitPhaseOne"},
		{sqlite, "sqlite3BtreeCommitPhaseOne"}, {sqlite, "vdbeCommit"}, {sqlite, "sqlite3VdbeExec"}, {sqlite, "sqlite3_step"},
	}
	idleWorker = stack{{kernel, "__workq_kernreturn"}, {pthread, "_pthread_wqthread"}, {pthread, "start_wqthread"}}
	newWorker  = stack{{pthread, "start_wqthread"}}
	resolving  = stack{{kernel, "kevent_id"}, {dispatch, "_dispatch_kq_poll"}, {dispatch, "_dispatch_event_loop_wait_for_ownership"}}
	reading    = stack{{network, "nw_protocol_data_copy_buffer"}, {networkExtension, "-[NEPacketTunnelFlow readPacketsWithCompletionHandler:]"}}
	filtering  = stack{{dispatch, "_dispatch_semaphore_wait_slow"}, {networkExtension, "-[NEFilterDataExtensionProviderContext handleNewFlow:controlSocket:completionHandler:]"}}
	connecting = stack{{xpc, "_xpc_connection_send_message_with_reply_sync"}, {networkExtension, "-[NEConfigurationManager loadConfigurations:withFilter:completionQueue:completionHandler:]"}}
	threaded   = stack{{pthread, "_pthread_start"}, {pthread, "thread_start"}}
	fetching   = stack{
		{foundation, "-[NSRunLoop(NSRunLoop) runMode:beforeDate:]"}, {foundation, "-[NSRunLoop(NSRunLoop) runUntilDate:]"},
		{uiKit, "-[UIEventFetcher threadMain]"}, {foundation, "__NSThread__start__"},
	}
	loading = stack{{cfNetwork, "+[__CFN_CoreSchedulingSetRunnable _run:]"}, {foundation, "__NSThread__start__"}}
	tracing = stack{{security, "SecTrustEvaluateInternal"}, {security, "SecTrustEvaluateWithError"}}
	serving = stack{{frontBoard, "-[FBSSerialQueue _targetQueue_performNextIfPossible]"}}
)

// frame is a site with its place in the image.
type frame struct {
	image  int
	offset uint64
	symbol string
	within uint64 // offset in the function
}

// place finds a site. A function lies at the same place in all devices of a build, and the app's own ones in all of one
// version; bug says which of the app's mistakes this is.
func (r *report) place(m *memory, s site, bug, depth uint64) (f frame) {
	f.image = s.image
	room := m.size[s.image] - 0x2000
	if s.image == self {
		d := draws(r.app ^ bug<<32 ^ depth)
		f.offset = 0x1000 + d.below(room)&^3
		return f
	}
	f.symbol = s.symbol
	if r.major < 16 && s.symbol == "mach_msg2_trap" {
		f.symbol = "mach_msg_trap" // mach_msg2 came with iOS 16
	}
	h := draws(hash(r.build, f.symbol))
	f.within = 4 + h.below(0x200)&^3
	f.offset = 0x1000 + h.below(room-0x400)&^3 + f.within
	return f
}

// frames writes the frames of stacks one below the other.
func (r *report) frames(m *memory, bug uint64, stacks ...stack) {
	r.raw("[")
	n := uint64(0)
	for _, s := range stacks {
		for _, site := range s {
			f := r.place(m, site, bug, n)
			n++
			r.comma()
			r.raw("{")
			r.keyNum("imageOffset", f.offset)
			if f.symbol != "" {
				r.keyStr("symbol", f.symbol)
				r.keyNum("symbolLocation", f.within)
			}
			r.keyNum("imageIndex", uint64(f.image))
			r.raw("}")
		}
	}
	r.raw("]")
}
