import './base.css';
import './states.css';
import './sidebar.css';
