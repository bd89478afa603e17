import './base.css';
import './states.css';
import './sidebar.css';
import './log.css';
import './page.css';
import './call.css';
import './calls.css';
import './definition.css';
